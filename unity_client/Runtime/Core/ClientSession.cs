using System;
using System.Diagnostics;

namespace Moulage.Core
{
    /// <summary>Where a session puts what it received: the work queue of the main thread and the disk cache.</summary>
    public interface IStage
    {
        /// <summary>A buffer for the next tile, or null when the server overran its credit.</summary>
        TileBuffer Rent();

        /// <summary>A tile whose hash was verified.</summary>
        void Put(TileBuffer tile, ulong hash);

        /// <summary>A tile that failed its check.</summary>
        void Discard(TileBuffer tile);

        /// <summary>The revision is complete and its state hash verified.</summary>
        void Complete(Revision revision);
    }

    /// <summary>The session ended without a fault that BYE would have to name.</summary>
    public sealed class SessionOverException : Exception
    {
        public readonly string Code;

        public SessionOverException(string code, string message) : base(message)
        {
            Code = code;
        }
    }

    public enum SessionState { Greeting, Ready, Receiving, Showing }

    /// <summary>
    /// The client's state machine for one session (docs/protocol.md §5-§7): from HELLO to the end of the socket. Knows no
    /// socket and no clock; times are milliseconds that the caller gives.
    /// </summary>
    public sealed unsafe class ClientSession
    {
        public const int WelcomeTimeoutMs = 5000;

        /// <summary>The code of an end that the transport may know a better reason for.</summary>
        public const string Blocked = "blocked";

        readonly MessageReader _reader = new MessageReader();
        readonly MessageWriter _writer;
        readonly HeldState _held;
        readonly IStage _stage;
        readonly Transfer _transfer;
        readonly int _creditBundle;
        long _started, _heard, _nextHeartbeat;
        int _credit, _owed;

        public ClientSession(LinkOptions options, HeldState held, IStage stage, IOutbox outbox, int credits)
        {
            _held = held;
            _stage = stage;
            _writer = new MessageWriter(outbox);
            _transfer = new Transfer(held, options.MemoryLimit);
            _credit = credits;
            _creditBundle = Math.Max(1, Math.Min(16, credits / 4));
            Options = options;
        }

        public LinkOptions Options { get; }
        public SessionState State { get; private set; }
        public Welcome Welcome { get; private set; }

        /// <summary>The newest revision that the server told of.</summary>
        public long NewestRevision { get; private set; }

        public Transfer Transfer => _transfer;

        public void Start(long now)
        {
            _started = _heard = now;
            var trusted = !_held.Distrusted;
            Sent(_writer.Hello(new Hello
            {
                Client = Options.Name,
                Codecs = Options.Codecs,
                Credits = _credit,
                Epoch = trusted ? _held.Epoch : 0,
                Revision = trusted ? _held.Revision : 0,
                Data = trusted ? _held.DocumentHash : XxHash64.OfNothing,
                Have = trusted ? _held.Maps.Count : 0
            }));
            if (trusted)
                foreach (var map in _held.Maps)
                    Sent(_writer.Have(map.Handle.Spec, map.Shown));
        }

        public void Receive(Message message, long now)
        {
            _heard = now;
            var kind = _reader.Kind(message);
            switch (kind)
            {
                case MessageKind.Heartbeat:
                    NewestRevision = Math.Max(NewestRevision, _reader.Heartbeat());
                    return;
                case MessageKind.Bye:
                    var bye = _reader.Bye();
                    _held.Distrusted |= bye.Code == "mismatch";
                    throw new SessionOverException(bye.Code, $"the server said {bye.Code}: {bye.Message}");
                case MessageKind.Welcome:
                    Need(SessionState.Greeting, kind);
                    Welcome = _reader.Welcome();
                    NewestRevision = Welcome.Revision;
                    _nextHeartbeat = now + Welcome.HeartbeatMs;
                    State = SessionState.Ready;
                    return;
                case MessageKind.Begin:
                    Need(SessionState.Ready, kind);
                    _transfer.Begin(_reader.Begin());
                    NewestRevision = Math.Max(NewestRevision, _transfer.Announced.Revision);
                    State = SessionState.Receiving;
                    return;
            }
            Need(SessionState.Receiving, kind);
            switch (kind)
            {
                case MessageKind.Drop:
                    _transfer.Drop(_reader.Drop());
                    return;
                case MessageKind.Map:
                    _transfer.Declare(_reader.Map());
                    return;
                case MessageKind.Tile:
                    ReceiveTile(message);
                    return;
                case MessageKind.Data:
                    _transfer.TakeDocument(message.Data(1), message.Length(1));
                    return;
                case MessageKind.Commit:
                    ReceiveCommit();
                    return;
            }
        }

        /// <summary>The main thread shows the revision, or says in error why a part of it could not be shown.</summary>
        public void Shown(double appliedMs, string error)
        {
            _transfer.Show(Welcome.Epoch);
            State = SessionState.Ready;
            Sent(_writer.Ack(_held.Revision, appliedMs, error));
        }

        /// <summary>So many tiles have left the pool's buffers; the credit goes back in bundles.</summary>
        public void GiveBack(int tiles)
        {
            _owed += tiles;
            if (State == SessionState.Greeting || _owed < _creditBundle)
                return;
            Sent(_writer.Credit(_owed));
            _credit += _owed;
            _owed = 0;
        }

        /// <summary>Heartbeats; returns the milliseconds until Tick or Silence want to be called again.</summary>
        public int Tick(long now)
        {
            if (State == SessionState.Greeting)
                return (int)Math.Max(1, _started + WelcomeTimeoutMs - now);
            if (now >= _nextHeartbeat)
            {
                Sent(_writer.Heartbeat(_held.Revision));
                _nextHeartbeat = now + Welcome.HeartbeatMs;
            }
            return (int)Math.Max(1, Math.Min(_heard + Welcome.TimeoutMs, _nextHeartbeat) - now);
        }

        /// <summary>
        /// Nothing is waiting in the socket: ends the session if that has been so for too long. Only to be asked then, because
        /// a process that was stopped for a while finds the messages of that time in its socket.
        /// </summary>
        public void Silence(long now)
        {
            if (State == SessionState.Greeting && now >= _started + WelcomeTimeoutMs)
                throw new SessionOverException("timeout", $"no answer from {Options.Endpoint}");
            if (State != SessionState.Greeting && now >= _heard + Welcome.TimeoutMs)
                throw new SessionOverException("timeout", $"nothing heard for {Welcome.TimeoutMs} ms");
        }

        /// <summary>The main thread showed the revision after the session had ended.</summary>
        public void ShownTooLate() => _transfer.Show(Welcome.Epoch);

        /// <summary>A last word, if it can be said.</summary>
        public void SayBye(string code, string message) => _writer.Bye(code, message);

        void ReceiveTile(Message message)
        {
            var header = MessageReader.Tile(message);
            TileRect rect;
            var map = _transfer.Expect(header, message.Length(1), out rect);
            if (_credit == 0)
                throw new ProtocolException("order", "a tile without credit");
            _credit--;
            var buffer = _stage.Rent();
            if (buffer == null)
                throw new ProtocolException("order", "a tile without credit");
            buffer.Map = map.Handle;
            buffer.Rect = rect;
            try
            {
                buffer.Decode(header, message.Data(1), message.Length(1));
            }
            catch (ProtocolException fault)
            {
                _held.Distrusted |= fault.Code == "mismatch";
                _stage.Discard(buffer);
                throw;
            }
            _transfer.Stage(map, rect, header.Hash);
            _stage.Put(buffer, header.Hash);
        }

        void ReceiveCommit()
        {
            var arrived = Stopwatch.GetTimestamp();
            var revision = _transfer.Complete(_reader.Commit());
            revision.Epoch = Welcome.Epoch;
            revision.Arrived = arrived;
            State = SessionState.Showing;
            _stage.Complete(revision);
        }

        void Need(SessionState wanted, MessageKind kind)
        {
            if (State != wanted)
                throw new ProtocolException("order", $"{kind} while {State}");
        }

        static void Sent(bool sent)
        {
            if (!sent)
                throw new SessionOverException(Blocked, "the connection takes no more messages");
        }
    }
}
