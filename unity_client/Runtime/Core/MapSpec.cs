using System;

namespace Moulage.Core
{
    /// <summary>How a texel is stored on the wire; the values are those of the tile header.</summary>
    public enum TexelFormat : byte
    {
        Rgba8 = 1,
        R16 = 2
    }

    /// <summary>Where a tile lies in its map, in texels; row 0 is the top. Tiles are counted row by row.</summary>
    public struct TileRect
    {
        public int Index, X, Y, Width, Height;
    }

    /// <summary>What a map is: one texture map of one material of one avatar.</summary>
    public sealed class MapSpec : IEquatable<MapSpec>
    {
        public const int TileSide = 256;

        public readonly string Avatar, Material, Map;
        public readonly int Width, Height;
        public readonly TexelFormat Format;

        /// <summary>Whether a shader reads it as sRGB-encoded colour.</summary>
        public readonly bool Srgb;

        public MapSpec(string avatar, string material, string map, int width, int height, TexelFormat format, bool srgb)
        {
            Avatar = avatar;
            Material = material;
            Map = map;
            Width = width;
            Height = height;
            Format = format;
            Srgb = srgb;
        }

        public int TexelBytes => Format == TexelFormat.R16 ? 2 : 4;
        public int Columns => (Width + TileSide - 1) / TileSide;
        public int Rows => (Height + TileSide - 1) / TileSide;
        public int TileCount => Columns * Rows;
        public long ByteCount => (long)Width * Height * TexelBytes;

        public TileRect Tile(int index)
        {
            var rect = new TileRect { Index = index, X = index % Columns * TileSide, Y = index / Columns * TileSide };
            rect.Width = Math.Min(TileSide, Width - rect.X);
            rect.Height = Math.Min(TileSide, Height - rect.Y);
            return rect;
        }

        /// <summary>Whether both are the same map by name, whatever their sizes.</summary>
        public bool HasKeyOf(MapSpec other) =>
            Avatar == other.Avatar && Material == other.Material && Map == other.Map;

        public bool Equals(MapSpec other) =>
            other != null && HasKeyOf(other) && Width == other.Width && Height == other.Height
            && Format == other.Format && Srgb == other.Srgb;

        public override bool Equals(object other) => Equals(other as MapSpec);

        public override int GetHashCode() => Avatar.GetHashCode() * 31 + Map.GetHashCode() * 7 + Material.GetHashCode();

        public override string ToString() => $"{Avatar}/{Material}/{Map} {Width}×{Height}";
    }
}
