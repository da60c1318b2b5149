using System.Text;

namespace Moulage.Core
{
    /// <summary>
    /// Reads control JSON (docs/protocol.md §3.1): one flat object of at most 4,096 bytes, every field checked. The object is
    /// read once into a table; the getters then look fields up by name. Nothing but wanted strings is allocated.
    /// </summary>
    public sealed unsafe class ControlReader
    {
        public const int MaxBytes = 4096;
        public const long MaxInteger = (1L << 53) - 1;

        enum Type : byte { Text, Integer, Decimal, Flag }

        struct Entry
        {
            public int Key, KeyBytes, Text, TextBytes;
            public long Integer;
            public Type Type;
        }

        static readonly UTF8Encoding Utf8 = new UTF8Encoding(false, true);

        // The shortest entry, "":1, takes 5 bytes.
        readonly Entry[] _entries = new Entry[MaxBytes / 5 + 1];
        readonly byte[] _text = new byte[MaxBytes];
        int _count, _textBytes;
        byte* _at, _end;

        public void Read(byte* body, int length)
        {
            if (length > MaxBytes)
                throw Bad($"control JSON of {length} bytes; at most {MaxBytes} are allowed");
            _count = _textBytes = 0;
            _at = body;
            _end = body + length;
            SkipSpace();
            Expect('{');
            SkipSpace();
            if (Peek() == '}')
                _at++;
            else
                ReadMembers();
            SkipSpace();
            if (_at != _end)
                throw Bad("something follows the JSON object");
        }

        public long Integer(string name, long low, long high)
        {
            var entry = _entries[Find(name)];
            if (entry.Type != Type.Integer)
                throw Bad($"{name} must be an integer");
            if (entry.Integer < low || entry.Integer > high)
                throw Bad($"{name} is {entry.Integer}; it must lie in {low} to {high}");
            return entry.Integer;
        }

        public bool Flag(string name)
        {
            var entry = _entries[Find(name)];
            if (entry.Type != Type.Flag)
                throw Bad($"{name} must be true or false");
            return entry.Integer != 0;
        }

        /// <summary>A string of low to high bytes in UTF-8 without control characters.</summary>
        public string Text(string name, int low, int high)
        {
            var entry = TextEntry(name);
            if (entry.TextBytes < low || entry.TextBytes > high)
                throw Bad($"{name} has {entry.TextBytes} bytes; it must have {low} to {high}");
            for (var i = 0; i < entry.TextBytes; i++)
                if (_text[entry.Text + i] < 0x20 || _text[entry.Text + i] == 0x7F)
                    throw Bad($"{name} has a control character");
            return Utf8.GetString(_text, entry.Text, entry.TextBytes);
        }

        /// <summary>Whether the field is the second of two words; anything else than these two is refused.</summary>
        public bool IsSecond(string name, string first, string second)
        {
            var entry = TextEntry(name);
            if (IsAscii(entry.Text, entry.TextBytes, second))
                return true;
            if (IsAscii(entry.Text, entry.TextBytes, first))
                return false;
            throw Bad($"{name} must be {first} or {second}");
        }

        /// <summary>16 digits of 0-9a-f.</summary>
        public ulong Hash(string name)
        {
            var entry = TextEntry(name);
            var value = 0UL;
            var good = entry.TextBytes == 16;
            for (var i = 0; i < entry.TextBytes && good; i++)
            {
                var digit = _text[entry.Text + i];
                good = digit >= '0' && digit <= '9' || digit >= 'a' && digit <= 'f';
                value = value << 4 | (uint)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
            }
            if (!good)
                throw Bad($"{name} must be 16 digits of 0-9a-f");
            return value;
        }

        Entry TextEntry(string name)
        {
            var entry = _entries[Find(name)];
            if (entry.Type != Type.Text)
                throw Bad($"{name} must be a string");
            return entry;
        }

        int Find(string name)
        {
            for (var i = 0; i < _count; i++)
                if (IsAscii(_entries[i].Key, _entries[i].KeyBytes, name))
                    return i;
            throw Bad($"{name} is missing");
        }

        bool IsAscii(int start, int bytes, string word)
        {
            if (bytes != word.Length)
                return false;
            for (var i = 0; i < bytes; i++)
                if (_text[start + i] != word[i])
                    return false;
            return true;
        }

        void ReadMembers()
        {
            while (true)
            {
                var entry = new Entry();
                SkipSpace();
                entry.KeyBytes = ReadString(out entry.Key);
                SkipSpace();
                Expect(':');
                SkipSpace();
                ReadValue(ref entry);
                RefuseDuplicate(entry);
                _entries[_count++] = entry;
                SkipSpace();
                if (Peek() == '}')
                    break;
                Expect(',');
            }
            _at++;
        }

        void RefuseDuplicate(Entry entry)
        {
            for (var i = 0; i < _count; i++)
            {
                if (_entries[i].KeyBytes != entry.KeyBytes)
                    continue;
                var same = 0;
                while (same < entry.KeyBytes && _text[entry.Key + same] == _text[_entries[i].Key + same])
                    same++;
                if (same == entry.KeyBytes)
                    throw Bad("a key is there twice");
            }
        }

        void ReadValue(ref Entry entry)
        {
            var next = Peek();
            if (next == '"')
            {
                entry.Type = Type.Text;
                entry.TextBytes = ReadString(out entry.Text);
            }
            else if (next >= '0' && next <= '9')
            {
                ReadNumber(ref entry);
            }
            else if (next == 't' || next == 'f')
            {
                entry.Type = Type.Flag;
                entry.Integer = next == 't' ? 1 : 0;
                foreach (var letter in next == 't' ? "true" : "false")
                    Expect(letter);
            }
            else
            {
                throw Bad("a value is neither a string, a number from 0 to 2^53 - 1 nor a boolean");
            }
        }

        void ReadNumber(ref Entry entry)
        {
            var start = _at;
            while (_at < _end && *_at >= '0' && *_at <= '9')
            {
                if (_at - start >= 16)
                    throw Bad("a number has too many digits");
                entry.Integer = entry.Integer * 10 + (*_at++ - '0');
            }
            entry.Type = Type.Integer;
            if (*start == '0' && _at - start > 1 || entry.Integer > MaxInteger)
                throw Bad("a number is no integer from 0 to 2^53 - 1");
            if (_at < _end && *_at == '.')
            {
                var point = _at++;
                while (_at < _end && *_at >= '0' && *_at <= '9' && _at - point <= 3)
                    _at++;
                if (_at - point < 2)
                    throw Bad("a decimal number has no decimals");
                entry.Type = Type.Decimal;
            }
            if (_at < _end && (*_at >= '0' && *_at <= '9' || *_at == 'e' || *_at == 'E' || *_at == '.'))
                throw Bad("a number has an exponent, or more than three decimals");
        }

        /// <summary>Copies the string, unescaped and as checked UTF-8, behind the text read so far; how many bytes it has.</summary>
        int ReadString(out int start)
        {
            Expect('"');
            start = _textBytes;
            while (true)
            {
                var next = Peek();
                if (next < 0x20)
                    throw Bad("a string has a control character");
                _at++;
                if (next == '"')
                    break;
                if (next == '\\')
                    ReadEscape();
                else
                    _text[_textBytes++] = (byte)next;
            }
            CheckUtf8(start, _textBytes - start);
            return _textBytes - start;
        }

        void ReadEscape()
        {
            var next = Peek();
            _at++;
            const string letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
            var known = letters.IndexOf((char)next);
            if (known >= 0)
            {
                _text[_textBytes++] = (byte)meanings[known];
                return;
            }
            if (next != 'u')
                throw Bad("a string has an unknown escape");
            var code = ReadHex4();
            if (code >= 0xD800 && code < 0xDC00)
            {
                Expect('\\');
                Expect('u');
                var low = ReadHex4();
                if (low < 0xDC00 || low > 0xDFFF)
                    throw Bad("a string has half a surrogate pair");
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            }
            else if (code >= 0xDC00 && code < 0xE000)
            {
                throw Bad("a string has half a surrogate pair");
            }
            AppendUtf8(code);
        }

        int ReadHex4()
        {
            var code = 0;
            for (var i = 0; i < 4; i++)
            {
                var digit = "0123456789abcdef".IndexOf((char)(Peek() | 0x20));
                if (digit < 0 || Peek() < '0')
                    throw Bad("a string has a bad escape");
                code = code << 4 | digit;
                _at++;
            }
            return code;
        }

        void AppendUtf8(int code)
        {
            if (code < 0x80)
            {
                _text[_textBytes++] = (byte)code;
                return;
            }
            var more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
            _text[_textBytes++] = (byte)((0xFF00 >> (more + 1)) & 0xFF | code >> 6 * more);
            while (more-- > 0)
                _text[_textBytes++] = (byte)(0x80 | code >> 6 * more & 0x3F);
        }

        void CheckUtf8(int start, int bytes)
        {
            try
            {
                Utf8.GetCharCount(_text, start, bytes);
            }
            catch (DecoderFallbackException)
            {
                throw Bad("a string is not UTF-8");
            }
        }

        int Peek()
        {
            if (_at >= _end)
                throw Bad("the JSON is cut");
            return *_at;
        }

        void Expect(char wanted)
        {
            if (Peek() != wanted)
                throw Bad($"not flat JSON: '{wanted}' is missing");
            _at++;
        }

        void SkipSpace()
        {
            while (_at < _end && (*_at == ' ' || *_at == '\t' || *_at == '\n' || *_at == '\r'))
                _at++;
        }

        static ProtocolException Bad(string message) => new ProtocolException("malformed", message);
    }
}
