using System;

namespace Moulage.Core
{
    /// <summary>Where a client's messages go: a transport, or a test that looks at them.</summary>
    public interface IOutbox
    {
        /// <summary>Sends two frames, or three where tail has bytes. False where that would block: the session is over.</summary>
        bool Send(byte[] head, byte[] body, int bodyLength, byte[] tail, int tailLength);
    }

    /// <summary>What a client says of itself in HELLO.</summary>
    public struct Hello
    {
        public string Client, Codecs;
        public int Credits, Have;
        public ulong Epoch, Data;
        public long Revision;
    }

    /// <summary>Writes what a client sends; docs/protocol.md §3.</summary>
    public sealed class MessageWriter
    {
        public const byte Version = 1;

        static readonly byte[] Nothing = new byte[0];

        readonly ControlWriter _control = new ControlWriter();
        readonly byte[][] _preambles = new byte[(int)MessageKind.Bye + 1][];
        readonly IOutbox _outbox;
        byte[] _hashes = Nothing;

        public MessageWriter(IOutbox outbox)
        {
            _outbox = outbox;
            for (var kind = 0; kind < _preambles.Length; kind++)
                _preambles[kind] = new byte[] { (byte)'M', (byte)'L', Version, (byte)kind };
        }

        public bool Hello(Hello hello)
        {
            _control.Begin().Add("min_version", Version).Add("max_version", Version).Add("client", hello.Client)
                .Add("codecs", hello.Codecs).Add("credits", hello.Credits).AddHash("epoch", hello.Epoch)
                .Add("revision", hello.Revision).AddHash("data", hello.Data).Add("have", hello.Have).End();
            return Send(MessageKind.Hello);
        }

        public bool Have(MapSpec spec, ulong[] hashes)
        {
            _control.Begin().Add("avatar", spec.Avatar).Add("material", spec.Material).Add("map", spec.Map)
                .Add("width", spec.Width).Add("height", spec.Height)
                .Add("format", spec.Format == TexelFormat.R16 ? "r16" : "rgba8")
                .Add("space", spec.Srgb ? "srgb" : "linear").End();
            var length = hashes.Length * 8;
            if (_hashes.Length < length)
                _hashes = new byte[length];
            Buffer.BlockCopy(hashes, 0, _hashes, 0, length);
            return _outbox.Send(_preambles[(int)MessageKind.Have], _control.Bytes, _control.Length, _hashes, length);
        }

        public bool Ack(long revision, double appliedMs, string error)
        {
            _control.Begin().Add("revision", revision).AddDecimal("applied_ms", appliedMs).Add("error", Text(error)).End();
            return Send(MessageKind.Ack);
        }

        public bool Credit(int tiles)
        {
            _control.Begin().Add("tiles", tiles).End();
            return Send(MessageKind.Credit);
        }

        public bool Heartbeat(long revision)
        {
            _control.Begin().Add("revision", revision).End();
            return Send(MessageKind.Heartbeat);
        }

        public bool Bye(string code, string message)
        {
            _control.Begin().Add("code", code).Add("message", Text(message)).End();
            return Send(MessageKind.Bye);
        }

        bool Send(MessageKind kind) =>
            _outbox.Send(_preambles[(int)kind], _control.Bytes, _control.Length, Nothing, 0);

        /// <summary>Text for a person, without control characters and short enough for its 512 bytes.</summary>
        static string Text(string message)
        {
            if (message.Length == 0)
                return message;
            var letters = message.ToCharArray(0, Math.Min(message.Length, 128));
            for (var i = 0; i < letters.Length; i++)
                if (letters[i] < 0x20 || letters[i] == 0x7F || char.IsSurrogate(letters[i]))
                    letters[i] = ' ';
            return new string(letters);
        }
    }
}
