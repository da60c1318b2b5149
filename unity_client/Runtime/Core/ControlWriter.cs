using System;
using System.Text;

namespace Moulage.Core
{
    /// <summary>Writes control JSON (docs/protocol.md §3.1) into one buffer that is used again for every message.</summary>
    public sealed class ControlWriter
    {
        static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

        readonly byte[] _bytes = new byte[ControlReader.MaxBytes];

        public byte[] Bytes => _bytes;
        public int Length { get; private set; }

        public ControlWriter Begin()
        {
            Length = 0;
            Append('{');
            return this;
        }

        public ControlWriter Add(string name, long value)
        {
            Name(name);
            Append(value);
            return this;
        }

        public ControlWriter Add(string name, bool value)
        {
            Name(name);
            Append(value ? "true" : "false");
            return this;
        }

        public ControlWriter Add(string name, string value)
        {
            Name(name);
            Append('"');
            foreach (var letter in value)
                if (letter < 0x20 || letter == 0x7F)
                    throw new ArgumentException($"{name} has a control character");
            Append(value.IndexOf('"') < 0 && value.IndexOf('\\') < 0 ? value : value.Replace("\\", "\\\\").Replace("\"", "\\\""));
            Append('"');
            return this;
        }

        public ControlWriter AddHash(string name, ulong value)
        {
            Name(name);
            Append('"');
            for (var shift = 60; shift >= 0; shift -= 4)
                Append("0123456789abcdef"[(int)(value >> shift & 15)]);
            Append('"');
            return this;
        }

        /// <summary>A number from 0 to 10^9 with one to three decimals.</summary>
        public ControlWriter AddDecimal(string name, double value)
        {
            Name(name);
            var thousandths = (long)Math.Round(Math.Max(0, Math.Min(1e9, value)) * 1000);
            Append(thousandths / 1000);
            Append('.');
            Append((char)('0' + thousandths / 100 % 10));
            if (thousandths % 100 != 0)
                Append((char)('0' + thousandths / 10 % 10));
            if (thousandths % 10 != 0)
                Append((char)('0' + thousandths % 10));
            return this;
        }

        public void End() => Append('}');

        void Name(string name)
        {
            if (Length > 1)
                Append(',');
            Append('"');
            Append(name);
            Append('"');
            Append(':');
        }

        void Append(long value)
        {
            if (value >= 10)
                Append(value / 10);
            Append((char)('0' + value % 10));
        }

        void Append(char ascii)
        {
            if (Length == _bytes.Length)
                throw new ArgumentException($"the message takes more than {_bytes.Length} bytes");
            _bytes[Length++] = (byte)ascii;
        }

        void Append(string text)
        {
            if (Utf8.GetByteCount(text) > _bytes.Length - Length)
                throw new ArgumentException($"the message takes more than {_bytes.Length} bytes");
            Length += Utf8.GetBytes(text, 0, text.Length, _bytes, Length);
        }
    }
}
