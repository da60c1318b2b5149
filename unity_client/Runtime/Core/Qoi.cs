namespace Moulage.Core
{
    /// <summary>Decodes QOI (qoiformat.org, specification of 2022-01-05) with 4 channels into RGBA bytes.</summary>
    public static unsafe class Qoi
    {
        public const int HeaderBytes = 14;
        const int EndBytes = 8;

        /// <summary>
        /// Write columns × rows pixels to target, never more. The header is compared with what is expected before anything
        /// is decoded; a file that is cut, or whose end is missing, is refused.
        /// </summary>
        public static void Decode(byte* source, int length, byte* target, int columns, int rows)
        {
            CheckEnds(source, length, columns, rows);
            var index = stackalloc uint[64];
            for (var i = 0; i < 64; i++)
                index[i] = 0;
            var pixel = 0xFF000000u;
            var at = source + HeaderBytes;
            var end = source + length - EndBytes;
            var output = (uint*)target;
            var outputEnd = output + columns * rows;
            while (output < outputEnd)
            {
                if (at >= end)
                    throw Cut();
                uint tag = *at++;
                if (tag == 0xFE)
                {
                    if (end - at < 3)
                        throw Cut();
                    pixel = (pixel & 0xFF000000u) | at[0] | (uint)at[1] << 8 | (uint)at[2] << 16;
                    at += 3;
                }
                else if (tag == 0xFF)
                {
                    if (end - at < 4)
                        throw Cut();
                    pixel = at[0] | (uint)at[1] << 8 | (uint)at[2] << 16 | (uint)at[3] << 24;
                    at += 4;
                }
                else if (tag < 0x40)
                {
                    pixel = index[tag];
                }
                else if (tag < 0x80)
                {
                    pixel = Moved(pixel, (tag >> 4 & 3) - 2, (tag >> 2 & 3) - 2, (tag & 3) - 2);
                }
                else if (tag < 0xC0)
                {
                    if (at >= end)
                        throw Cut();
                    uint second = *at++;
                    var green = (tag & 63) - 32;
                    pixel = Moved(pixel, green - 8 + (second >> 4), green, green - 8 + (second & 15));
                }
                else
                {
                    var run = (tag & 63) + 1;
                    if (run > outputEnd - output)
                        throw new ProtocolException("malformed", "a QOI payload has more pixels than its tile");
                    for (; run > 1; run--)
                        *output++ = pixel;
                }
                index[Slot(pixel)] = pixel;
                *output++ = pixel;
            }
        }

        static void CheckEnds(byte* source, int length, int columns, int rows)
        {
            if (length < HeaderBytes + EndBytes
                || source[0] != 'q' || source[1] != 'o' || source[2] != 'i' || source[3] != 'f'
                || BigEndian(source + 4) != columns || BigEndian(source + 8) != rows
                || source[12] != 4 || source[13] != 0)
                throw new ProtocolException("malformed", $"a QOI payload whose header is not {columns}×{rows}, 4 channels, sRGB");
            var end = source + length - EndBytes;
            for (var i = 0; i < EndBytes; i++)
                if (end[i] != (i == EndBytes - 1 ? 1 : 0))
                    throw new ProtocolException("malformed", "a QOI payload without its end marker");
        }

        static long BigEndian(byte* at) => (long)at[0] << 24 | (uint)at[1] << 16 | (uint)at[2] << 8 | at[3];

        // Differences wrap around within each channel; the unsigned arithmetic does that.
        static uint Moved(uint pixel, uint red, uint green, uint blue) => unchecked(
            (pixel & 0xFF000000u) | (pixel + red & 0xFF) | ((pixel >> 8) + green & 0xFF) << 8 | ((pixel >> 16) + blue & 0xFF) << 16);

        static uint Slot(uint pixel) =>
            ((pixel & 0xFF) * 3 + (pixel >> 8 & 0xFF) * 5 + (pixel >> 16 & 0xFF) * 7 + (pixel >> 24) * 11) & 63;

        static ProtocolException Cut() => new ProtocolException("malformed", "a QOI payload is cut");
    }
}
