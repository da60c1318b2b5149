using System;

namespace Moulage.Core
{
    /// <summary>A region of one mip level as Unity counts it: row 0 at the bottom.</summary>
    public struct LevelRect
    {
        public int X, Y, Width, Height;

        public bool IsEmpty => Width <= 0 || Height <= 0;
    }

    /// <summary>
    /// Mip levels of single tiles. Tiles are aligned to 256 texels, so that levels 0 to 8 of a map can be made tile by tile,
    /// exactly as from the whole map: each texel is the mean of the 2×2 below it, in linear light where the map is sRGB.
    /// Works on the link thread; rows are turned around here, for Unity's textures begin at the bottom.
    /// </summary>
    public static unsafe class MipChain
    {
        /// <summary>Levels that a tile has: 256² to 1².</summary>
        public const int TileLevels = 9;

        const int Side = MapSpec.TileSide;

        static readonly ushort[] ToLinear = new ushort[256];
        static readonly byte[] ToSrgb = new byte[16385];

        static MipChain()
        {
            for (var i = 0; i < 256; i++)
            {
                var encoded = i / 255.0;
                var linear = encoded <= 0.04045 ? encoded / 12.92 : Math.Pow((encoded + 0.055) / 1.055, 2.4);
                ToLinear[i] = (ushort)Math.Round(linear * 65535);
            }
            for (var i = 0; i < ToSrgb.Length; i++)
            {
                var linear = i / 16384.0;
                var encoded = linear <= 0.0031308 ? linear * 12.92 : 1.055 * Math.Pow(linear, 1 / 2.4) - 0.055;
                ToSrgb[i] = (byte)Math.Round(encoded * 255);
            }
        }

        /// <summary>How many levels a texture of this size has, down to 1×1.</summary>
        public static int Levels(int width, int height)
        {
            var levels = 1;
            for (var side = Math.Max(width, height); side > 1; side >>= 1)
                levels++;
            return levels;
        }

        /// <summary>Bytes of a tile's chain.</summary>
        public static readonly int Bytes = Offset(TileLevels);

        /// <summary>Where a tile's level goes in its map's texture; empty where the tile is too narrow to have texels there.</summary>
        public static LevelRect Place(MapSpec spec, TileRect tile, int level)
        {
            var x = tile.X >> level;
            var y = tile.Y >> level;
            var height = Extent(tile.Y, spec.Height, level);
            return new LevelRect
            {
                X = x,
                Y = Math.Max(1, spec.Height >> level) - y - height,
                Width = Extent(tile.X, spec.Width, level),
                Height = height
            };
        }

        /// <summary>
        /// Fill tile.Upload from the raw pixels of a tile in rgba8: levels of 256², 128², …, 1², one after the other, each with
        /// the tile in its lower left corner.
        /// </summary>
        public static void Build(TileBuffer tile)
        {
            var spec = tile.Map.Spec;
            if (tile.Upload == null)
                tile.Upload = new byte[Bytes];
            var row = tile.Rect.Width * 4;
            for (var y = 0; y < tile.Rect.Height; y++)
                Buffer.BlockCopy(tile.Raw, y * row, tile.Upload, (tile.Rect.Height - 1 - y) * Side * 4, row);
            fixed (byte* chain = tile.Upload)
            {
                var above = Place(spec, tile.Rect, 0);
                var levels = Math.Min(TileLevels, Levels(spec.Width, spec.Height));
                for (var level = 1; level < levels; level++)
                {
                    var place = Place(spec, tile.Rect, level);
                    if (place.IsEmpty)
                        break;
                    Halve(chain + Offset(level - 1), Side >> level - 1, above.Width, above.Height,
                        chain + Offset(level), Side >> level, place.Width, place.Height, spec.Srgb);
                    above = place;
                }
            }
        }

        /// <summary>Where a level begins in a tile's chain of RGBA texels.</summary>
        public static int Offset(int level)
        {
            var offset = 0;
            for (var i = 0; i < level; i++)
                offset += (Side >> i) * (Side >> i) * 4;
            return offset;
        }

        /// <summary>
        /// One level from the one above it; strides in texels. Pairs are counted from the top, where the rows of all tiles of a
        /// map begin; the row or column that is left over from an odd size goes unused.
        /// </summary>
        public static void Halve(
            byte* source, int sourceStride, int sourceWidth, int sourceHeight,
            byte* target, int targetStride, int width, int height, bool srgb)
        {
            fixed (ushort* toLinear = ToLinear)
            fixed (byte* toSrgb = ToSrgb)
            {
                for (var y = 0; y < height; y++)
                {
                    var upper = source + (sourceHeight - 1 - 2 * y) * sourceStride * 4;
                    var lower = source + (sourceHeight - 1 - Math.Min(2 * y + 1, sourceHeight - 1)) * sourceStride * 4;
                    var output = target + (height - 1 - y) * targetStride * 4;
                    for (var x = 0; x < width; x++, output += 4)
                    {
                        var right = Math.Min(2 * x + 1, sourceWidth - 1);
                        byte* a = upper + 8 * x, b = upper + 4 * right, d = lower + 8 * x, e = lower + 4 * right;
                        if (srgb)
                        {
                            output[0] = toSrgb[toLinear[a[0]] + toLinear[b[0]] + toLinear[d[0]] + toLinear[e[0]] + 8 >> 4];
                            output[1] = toSrgb[toLinear[a[1]] + toLinear[b[1]] + toLinear[d[1]] + toLinear[e[1]] + 8 >> 4];
                            output[2] = toSrgb[toLinear[a[2]] + toLinear[b[2]] + toLinear[d[2]] + toLinear[e[2]] + 8 >> 4];
                        }
                        else
                        {
                            output[0] = (byte)(a[0] + b[0] + d[0] + e[0] + 2 >> 2);
                            output[1] = (byte)(a[1] + b[1] + d[1] + e[1] + 2 >> 2);
                            output[2] = (byte)(a[2] + b[2] + d[2] + e[2] + 2 >> 2);
                        }
                        output[3] = (byte)(a[3] + b[3] + d[3] + e[3] + 2 >> 2);
                    }
                }
            }
        }

        static int Extent(int start, int size, int level) =>
            Math.Min(start + Side >> level, Math.Max(1, size >> level)) - (start >> level);
    }

    /// <summary>
    /// The levels below a tile's last: level 8 of the whole map has one texel per tile, and the levels that follow are made from
    /// it, on the main thread (a 4096² map has 16×16 texels there).
    /// </summary>
    public sealed unsafe class MipTail
    {
        readonly MapSpec _spec;
        readonly int _width, _height;
        readonly byte[] _front, _back, _chain;

        public MipTail(MapSpec spec)
        {
            _spec = spec;
            _width = Math.Max(1, spec.Width >> MipChain.TileLevels - 1);
            _height = Math.Max(1, spec.Height >> MipChain.TileLevels - 1);
            _front = new byte[_width * _height * 4];
            _back = new byte[_width * _height * 4];
            Levels = MipChain.Levels(_width, _height);
            var bytes = 0;
            for (var level = 0; level < Levels; level++)
                bytes += LevelWidth(level) * LevelHeight(level) * 4;
            _chain = new byte[bytes];
        }

        /// <summary>Levels of the chain; the first is level 8 of the map.</summary>
        public int Levels { get; }

        public int LevelWidth(int level) => Math.Max(1, _width >> level);
        public int LevelHeight(int level) => Math.Max(1, _height >> level);

        public void PrepareBack() => Buffer.BlockCopy(_front, 0, _back, 0, _front.Length);

        /// <summary>Take a tile's level 8, if it has one.</summary>
        public void Take(TileBuffer tile)
        {
            const int last = MipChain.TileLevels - 1;
            var place = MipChain.Place(_spec, tile.Rect, last);
            if (!place.IsEmpty)
                Buffer.BlockCopy(tile.Upload, MipChain.Offset(last), _back, (place.Y * _width + place.X) * 4, 4);
        }

        /// <summary>All levels of the back, one after the other, as a texture of the size of the first wants them.</summary>
        public byte[] Build()
        {
            Buffer.BlockCopy(_back, 0, _chain, 0, _back.Length);
            fixed (byte* chain = _chain)
            {
                var above = chain;
                for (var level = 1; level < Levels; level++)
                {
                    int width = LevelWidth(level - 1), height = LevelHeight(level - 1);
                    var below = above + width * height * 4;
                    MipChain.Halve(above, width, width, height, below, LevelWidth(level), LevelWidth(level), LevelHeight(level), _spec.Srgb);
                    above = below;
                }
            }
            return _chain;
        }

        public void Show() => Buffer.BlockCopy(_back, 0, _front, 0, _front.Length);
    }
}
