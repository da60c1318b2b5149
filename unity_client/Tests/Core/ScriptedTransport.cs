using System;
using System.Collections.Generic;
using System.Text;
using System.Threading;
using Moulage.Core;

namespace Moulage.Tests
{
    /// <summary>
    /// Plays recorded sessions, one per socket: what the server said comes when the client has said what it said then. The
    /// whole client runs on it, threads and all.
    /// </summary>
    sealed class ScriptedTransport : ITransport
    {
        readonly Queue<List<GoldenMessage>> _sessions;
        readonly AutoResetEvent _news = new AutoResetEvent(false);
        readonly object _lock = new object();
        List<GoldenMessage> _script = new List<GoldenMessage>();
        PinnedMessage _pinned;
        int _at;

        public ScriptedTransport(IEnumerable<List<GoldenMessage>> sessions)
        {
            _sessions = new Queue<List<GoldenMessage>>(sessions);
        }

        /// <summary>What the client said and the record has not, or has otherwise.</summary>
        public readonly List<string> Surprises = new List<string>();

        /// <summary>The codes of the client's BYEs.</summary>
        public readonly List<string> Byes = new List<string>();

        public int Acknowledged { get; private set; }

        /// <summary>Whether every recorded message was played.</summary>
        public bool IsOver
        {
            get
            {
                lock (_lock)
                    return _sessions.Count == 0 && _at == _script.Count;
            }
        }

        public void Open(string endpoint, CurveKeys keys)
        {
            lock (_lock)
            {
                _script = _sessions.Count > 0 ? _sessions.Dequeue() : new List<GoldenMessage>();
                _at = 0;
            }
        }

        public void Close(int lingerMs)
        {
            if (_pinned != null)
                _pinned.Dispose();
            _pinned = null;
        }

        public bool Send(byte[] head, byte[] body, int bodyLength, byte[] tail, int tailLength)
        {
            var kind = (MessageKind)head[3];
            var text = Encoding.UTF8.GetString(body, 0, bodyLength);
            lock (_lock)
            {
                if (kind == MessageKind.Bye)
                    Byes.Add((string)((Dictionary<string, object>)Json.Read(text))["code"]);
                if (kind == MessageKind.Credit || kind == MessageKind.Heartbeat || kind == MessageKind.Bye)
                    return true;
                var match = _at;
                while (match < _script.Count && _script[match].ToServer && !Same(_script[match], kind, text, tail, tailLength))
                    match++;
                if (match == _script.Count || !_script[match].ToServer)
                {
                    Surprises.Add($"{kind} {text}");
                    // An ACK that says otherwise is an ACK still: the record goes on.
                    if (kind == MessageKind.Ack && _at < _script.Count && _script[_at].Kind == kind)
                        _at++;
                    Acknowledged += kind == MessageKind.Ack ? 1 : 0;
                    return true;
                }
                // HAVEs may come in any order.
                var message = _script[match];
                _script[match] = _script[_at];
                _script[_at++] = message;
                if (kind == MessageKind.Ack)
                    Acknowledged++;
            }
            return true;
        }

        public Arrival Wait(int milliseconds, Message message, out string reason)
        {
            reason = "the record ends here";
            lock (_lock)
            {
                if (_at == _script.Count)
                    return Arrival.Lost;
                if (!_script[_at].ToServer)
                {
                    Close(0);
                    _pinned = new PinnedMessage(message, _script[_at++].Frames);
                    return Arrival.Message;
                }
            }
            return _news.WaitOne(Math.Min(milliseconds, 20)) ? Arrival.Woken : Arrival.Nothing;
        }

        public void Wake() => _news.Set();

        public void Dispose() => Close(0);

        static bool Same(GoldenMessage wanted, MessageKind kind, string text, byte[] tail, int tailLength)
        {
            if (wanted.Kind != kind)
                return false;
            if (kind == MessageKind.Ack)
                return Without(wanted.Body, "applied_ms") == Without(text, "applied_ms");
            if (wanted.Body != text || wanted.Frames.Length != (tailLength > 0 ? 3 : 2))
                return false;
            for (var i = 0; i < tailLength; i++)
                if (wanted.Frames[2][i] != tail[i])
                    return false;
            return true;
        }

        static string Without(string json, string name)
        {
            var members = (Dictionary<string, object>)Json.Read(json);
            members.Remove(name);
            var text = new StringBuilder();
            foreach (var pair in members)
                text.Append(pair.Key).Append('=').Append(pair.Value).Append(';');
            return text.ToString();
        }
    }
}
