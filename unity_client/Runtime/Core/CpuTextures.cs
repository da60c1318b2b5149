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
        readonly SpareTiles _spare = new SpareTiles();

        public void Prepare(TileBuffer tile)
        {
        }

        public ITextureTarget Create(MapSpec spec) => new CpuTexture(spec, _spare);
    }

    /// <summary>Arrays of tiles that are seen no more, used again so that a running scene allocates nothing.</summary>
    public sealed class SpareTiles
    {
        readonly Dictionary<int, Stack<byte[]>> _byLength = new Dictionary<int, Stack<byte[]>>();

        public byte[] Take(int length)
        {
            Stack<byte[]> spare;
            return _byLength.TryGetValue(length, out spare) && spare.Count > 0 ? spare.Pop() : new byte[length];
        }

        public void Keep(byte[] pixels)
        {
            if (pixels == null)
                return;
            Stack<byte[]> spare;
            if (!_byLength.TryGetValue(pixels.Length, out spare))
                _byLength.Add(pixels.Length, spare = new Stack<byte[]>());
            spare.Push(pixels);
        }
    }

    public sealed class CpuTexture : ITextureTarget
    {
        readonly SpareTiles _spare;
        readonly byte[][] _front, _back;
        readonly List<int> _written = new List<int>();

        public CpuTexture(MapSpec spec, SpareTiles spare)
        {
            Spec = spec;
            _spare = spare;
            _front = new byte[spec.TileCount][];
            _back = new byte[spec.TileCount][];
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
            // The back has only the tiles that were written; those of a transfer that was aborted go.
            foreach (var index in _written)
                TakeBack(index);
            _written.Clear();
            return true;
        }

        public void Upload(TileBuffer tile)
        {
            var index = tile.Rect.Index;
            if (_back[index] == null)
            {
                _written.Add(index);
                _back[index] = _spare.Take(tile.RawLength);
            }
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
                TakeBack(index);
            }
            _written.Clear();
        }

        public void Dispose()
        {
            Array.Clear(_front, 0, _front.Length);
            Array.Clear(_back, 0, _back.Length);
            _written.Clear();
        }

        void TakeBack(int index)
        {
            _spare.Keep(_back[index]);
            _back[index] = null;
        }
    }
}
