using System;
using System.Collections.Generic;

namespace Moulage.Core
{
    /// <summary>
    /// Textures in main memory, tile by tile: what SceneHost shows, and how the receiver keeps instance maps to find the lesion
    /// under a ray. A tile of zeros takes no memory.
    /// </summary>
    public sealed class CpuTextures : ITextureSink
    {
        public void Prepare(TileBuffer tile)
        {
        }

        public ITextureTarget Create(MapSpec spec) => new CpuTexture(spec);
    }

    public sealed class CpuTexture : ITextureTarget
    {
        // Arrays swap places at Show and are used again, so that a running scene allocates nothing.
        readonly byte[][] _front, _back;
        readonly List<int> _written = new List<int>();
        readonly bool[] _isWritten;

        public CpuTexture(MapSpec spec)
        {
            Spec = spec;
            _front = new byte[spec.TileCount][];
            _back = new byte[spec.TileCount][];
            _isWritten = new bool[spec.TileCount];
        }

        public MapSpec Spec { get; }

        /// <summary>The shown pixels of a tile in the wire's order, or null where all are zero.</summary>
        public byte[] Tile(int index) => _front[index];

        /// <summary>The shown 16-bit value at a texel, row 0 at the top.</summary>
        public int Value(int x, int y)
        {
            var index = y / MapSpec.TileSide * Spec.Columns + x / MapSpec.TileSide;
            var tile = _front[index];
            if (tile == null)
                return 0;
            var rect = Spec.Tile(index);
            var at = ((y - rect.Y) * rect.Width + x - rect.X) * 2;
            return tile[at] | tile[at + 1] << 8;
        }

        /// <summary>Copy the shown pixels of one row, row 0 at the top, to the beginning of row.</summary>
        public void CopyRow(int y, byte[] row)
        {
            for (var column = 0; column < Spec.Columns; column++)
            {
                var rect = Spec.Tile(y / MapSpec.TileSide * Spec.Columns + column);
                var bytes = rect.Width * Spec.TexelBytes;
                var tile = _front[rect.Index];
                if (tile == null)
                    Array.Clear(row, rect.X * Spec.TexelBytes, bytes);
                else
                    Buffer.BlockCopy(tile, (y - rect.Y) * bytes, row, rect.X * Spec.TexelBytes, bytes);
            }
        }

        public bool PrepareBack()
        {
            // Only tiles that were written are swapped, so that the rest of the back never needs to equal the front.
            Forget();
            return true;
        }

        public void Upload(TileBuffer tile)
        {
            var index = tile.Rect.Index;
            if (!_isWritten[index])
                _written.Add(index);
            _isWritten[index] = true;
            if (_back[index] == null)
                _back[index] = new byte[tile.RawLength];
            Buffer.BlockCopy(tile.Raw, 0, _back[index], 0, tile.RawLength);
        }

        public void Restore(TileRect rect)
        {
        }

        public void Show()
        {
            foreach (var index in _written)
            {
                var old = _front[index];
                _front[index] = _back[index];
                _back[index] = old;
            }
            Forget();
        }

        public void Dispose()
        {
            Array.Clear(_front, 0, _front.Length);
            Array.Clear(_back, 0, _back.Length);
        }

        void Forget()
        {
            foreach (var index in _written)
                _isWritten[index] = false;
            _written.Clear();
        }
    }
}
