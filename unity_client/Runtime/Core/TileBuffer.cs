namespace Moulage.Core
{
    /// <summary>
    /// The pixels of one tile on their way from the socket to the texture. Buffers are made once and go round: link thread,
    /// work queue, main thread, pool.
    /// </summary>
    public sealed unsafe class TileBuffer
    {
        public const int RawBytes = MapSpec.TileSide * MapSpec.TileSide * 4;

        /// <summary>The pixels as docs/protocol.md §3.3 orders them: rows from the top, no padding.</summary>
        public readonly byte[] Raw = new byte[RawBytes];

        /// <summary>What the texture wants of them, made on the link thread; null where it takes the raw pixels.</summary>
        public byte[] Upload;

        public MapHandle Map;
        public TileRect Rect;

        public int RawLength => Rect.Width * Rect.Height * Map.Spec.TexelBytes;

        /// <summary>Fill Raw from a payload; refuses one that does not decode to the pixels its header promises.</summary>
        public void Decode(TileHeader header, byte* payload, int length)
        {
            fixed (byte* raw = Raw)
            {
                if (!header.Qoi)
                    System.Buffer.MemoryCopy(payload, raw, RawBytes, length);
                else if (header.Format == TexelFormat.Rgba8)
                    Qoi.Decode(payload, length, raw, Rect.Width, Rect.Height);
                else
                    DecodePairs(payload, length, raw);
                if (XxHash64.Of(raw, RawLength) != header.Hash)
                    throw new ProtocolException("mismatch", $"wrong pixels for the tile at {Rect.X}, {Rect.Y} of {Map.Spec}");
            }
        }

        // r16 travels as pairs of texels; an odd row is lengthened by one texel, which is taken out again.
        void DecodePairs(byte* payload, int length, byte* raw)
        {
            var pairs = (Rect.Width + 1) / 2;
            Qoi.Decode(payload, length, raw, pairs, Rect.Height);
            if (pairs * 2 == Rect.Width)
                return;
            for (var row = 1; row < Rect.Height; row++)
                System.Buffer.MemoryCopy(raw + row * pairs * 4, raw + row * Rect.Width * 2, RawBytes, Rect.Width * 2);
        }
    }
}
