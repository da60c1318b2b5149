using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Moulage.Core
{
    /// <summary>
    /// Reads a JSON document into dictionaries, lists, strings, doubles, booleans and null. For the lesions' document; the
    /// control messages have ControlReader, which allocates nothing.
    /// </summary>
    public sealed class Json
    {
        const int MaxDepth = 32;

        readonly string _text;
        int _at;

        Json(string text)
        {
            _text = text;
        }

        /// <summary>The document's value; FormatException where it is not JSON.</summary>
        public static object Read(string text)
        {
            var json = new Json(text);
            var value = json.Value(0);
            json.SkipSpace();
            if (json._at != text.Length)
                throw json.Bad("something follows the document");
            return value;
        }

        object Value(int depth)
        {
            if (depth > MaxDepth)
                throw Bad("too deeply nested");
            SkipSpace();
            switch (Peek())
            {
                case '{':
                    return Object(depth);
                case '[':
                    return Array(depth);
                case '"':
                    return String();
                case 't':
                    return Word("true", true);
                case 'f':
                    return Word("false", false);
                case 'n':
                    return Word("null", null);
                default:
                    return Number();
            }
        }

        object Object(int depth)
        {
            var members = new Dictionary<string, object>();
            _at++;
            SkipSpace();
            if (TryTake('}'))
                return members;
            do
            {
                SkipSpace();
                var name = String();
                SkipSpace();
                Take(':');
                members[name] = Value(depth + 1);
                SkipSpace();
            }
            while (TryTake(','));
            Take('}');
            return members;
        }

        object Array(int depth)
        {
            var items = new List<object>();
            _at++;
            SkipSpace();
            if (TryTake(']'))
                return items;
            do
            {
                items.Add(Value(depth + 1));
                SkipSpace();
            }
            while (TryTake(','));
            Take(']');
            return items;
        }

        string String()
        {
            Take('"');
            var start = _at;
            while (Peek() != '"' && Peek() != '\\')
                _at++;
            if (Peek() == '"')
                return _text.Substring(start, _at++ - start);
            var text = new StringBuilder(_text, start, _at - start, 64);
            while (!TryTake('"'))
            {
                var letter = Peek();
                _at++;
                text.Append(letter == '\\' ? Escape() : letter);
            }
            return text.ToString();
        }

        char Escape()
        {
            var letter = Peek();
            _at++;
            const string letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
            var known = letters.IndexOf(letter);
            if (known >= 0)
                return meanings[known];
            int code;
            if (letter != 'u' || _at + 4 > _text.Length
                || !int.TryParse(_text.Substring(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out code))
                throw Bad("a bad escape");
            _at += 4;
            return (char)code;
        }

        object Number()
        {
            var start = _at;
            while (_at < _text.Length && "+-.0123456789eE".IndexOf(_text[_at]) >= 0)
                _at++;
            double number;
            if (!double.TryParse(_text.Substring(start, _at - start), NumberStyles.Float, CultureInfo.InvariantCulture, out number))
                throw Bad("not a value");
            return number;
        }

        object Word(string word, object value)
        {
            if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0)
                throw Bad("not a value");
            _at += word.Length;
            return value;
        }

        char Peek()
        {
            if (_at >= _text.Length)
                throw Bad("it is cut");
            return _text[_at];
        }

        void Take(char wanted)
        {
            if (!TryTake(wanted))
                throw Bad($"'{wanted}' is missing");
        }

        bool TryTake(char wanted)
        {
            if (Peek() != wanted)
                return false;
            _at++;
            return true;
        }

        void SkipSpace()
        {
            while (_at < _text.Length && (_text[_at] == ' ' || _text[_at] == '\t' || _text[_at] == '\n' || _text[_at] == '\r'))
                _at++;
        }

        FormatException Bad(string message) => new FormatException($"JSON, character {_at}: {message}");
    }
}
