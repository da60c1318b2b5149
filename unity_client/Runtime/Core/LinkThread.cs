using System;
using System.Diagnostics;
using System.Threading;

namespace Moulage.Core
{
    /// <summary>
    /// The link thread: one session after another, for as long as the scene lives. It owns the socket, the state machine and
    /// the disk cache, and touches nothing of the scene: what it receives goes through Queue to SceneMirror.
    /// </summary>
    public sealed class LinkThread : IStage, IDisposable
    {
        const int FirstPauseMs = 250, LongestPauseMs = 5000, VersionPauseMs = 30000, LastWordMs = 100;

        public readonly WorkQueue Queue = new WorkQueue();
        public readonly TilePool Pool;

        readonly LinkOptions _options;
        readonly ITransport _transport;
        readonly ITextureSink _sink;
        readonly Message _message = new Message();
        readonly HeldState _held = new HeldState();
        readonly Random _random = new Random();
        readonly Stopwatch _clock = Stopwatch.StartNew();
        readonly AutoResetEvent _woken = new AutoResetEvent(false);
        readonly object _lock = new object();
        Thread _thread;
        DiskCache _cache;
        ClientSession _session;
        LinkStatus _status;
        LesionSet _lesions = LesionSet.Empty;
        byte[] _lesionDocument = new byte[0];
        string _shownError;
        double _shownMs;
        long _tiles, _bytes;
        int _pause = FirstPauseMs;
        volatile bool _isShown, _stopping;

        public LinkThread(LinkOptions options, ITransport transport, ITextureSink sink)
        {
            _options = options;
            _transport = transport;
            _sink = sink;
            Pool = new TilePool(Math.Max(1, Math.Min(1024, options.Credits)));
            _status.Server = _status.Detail = "";
        }

        public LinkStatus Status
        {
            get
            {
                lock (_lock)
                    return _status;
            }
        }

        public void Start()
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "Moulage link" };
            _thread.Start();
        }

        /// <summary>From the main thread: tiles went back to the pool.</summary>
        public void Wake()
        {
            _woken.Set();
            _transport.Wake();
        }

        /// <summary>From the main thread: the revision is shown; error says what of it could not be.</summary>
        public void Shown(double appliedMs, string error)
        {
            _shownMs = appliedMs;
            _shownError = error;
            _isShown = true;
            Wake();
        }

        /// <summary>Says goodbye, closes the socket and waits for the thread to end.</summary>
        public void Dispose()
        {
            _stopping = true;
            if (_thread != null)
            {
                Wake();
                _thread.Join();
                _thread = null;
            }
            _transport.Dispose();
            _woken.Dispose();
        }

        TileBuffer IStage.Rent() => Pool.Rent();

        void IStage.Put(TileBuffer tile, ulong hash)
        {
            _tiles++;
            _bytes += tile.RawLength;
            if (_cache != null)
                _cache.Write(tile, hash);
            _sink.Prepare(tile);
            Queue.Add(new WorkItem { Type = WorkItem.Kind.Tile, Tile = tile });
        }

        void IStage.Discard(TileBuffer tile) => Pool.Return(tile);

        void IStage.Complete(Revision revision)
        {
            revision.Lesions = ReadLesions(revision.Document);
            _isShown = false;
            Queue.Add(new WorkItem { Type = WorkItem.Kind.Complete, Revision = revision });
        }

        void Run()
        {
            try
            {
                ShowCache();
                while (!_stopping)
                {
                    var pause = RunSession();
                    var until = _clock.ElapsedMilliseconds + pause;
                    for (var left = pause; left > 0 && !_stopping; left = (int)(until - _clock.ElapsedMilliseconds))
                        _woken.WaitOne(left);
                }
            }
            catch (Exception fault)
            {
                // Nothing here may end the host; the status and the log say that the link is dead and why.
                Report(LinkState.Waiting, $"the link stopped: {fault}");
            }
            finally
            {
                _transport.Close(0);
                if (_cache != null)
                    _cache.Dispose();
            }
        }

        /// <summary>One session from HELLO to its end; how many milliseconds to wait before the next.</summary>
        int RunSession()
        {
            _session = null;
            var reason = "";
            var code = "";
            try
            {
                _transport.Open(_options.Endpoint, _options.Keys);
                _session = new ClientSession(_options, _held, this, _transport, FreeBuffers());
                Report(LinkState.Greeting, "");
                _session.Start(_clock.ElapsedMilliseconds);
                while (!_stopping)
                    Turn();
                _session.SayBye("leaving", "");
            }
            catch (ProtocolException fault)
            {
                code = fault.Code;
                reason = $"{fault.Code}: {fault.Message}";
                _session.SayBye(fault.Code, fault.Message);
            }
            catch (SessionOverException end)
            {
                string known;
                code = end.Code;
                reason = code == ClientSession.Blocked && _transport.Wait(0, _message, out known) == Arrival.Lost ? known : end.Message;
            }
            catch (TransportException fault)
            {
                reason = fault.Message;
            }
            catch (Exception fault) when (_session != null)
            {
                // A fault of ours that some message may have brought about: told in full, but no reason to give up the link.
                reason = $"internal: {fault}";
                _session.SayBye("internal", fault.Message);
            }
            _transport.Close(_session != null && _session.State != SessionState.Greeting ? LastWordMs : 0);
            EndTransfer();
            Report(LinkState.Waiting, reason);
            return code == "version" ? VersionPauseMs : NextPause();
        }

        /// <summary>The credit to begin with; waits while the main thread has the only buffer.</summary>
        int FreeBuffers()
        {
            int free;
            while ((free = Pool.Restart()) == 0 && !_stopping)
                _woken.WaitOne(100);
            return Math.Max(1, free);
        }

        void Turn()
        {
            var returned = Pool.TakeReturned();
            if (returned > 0)
                _session.GiveBack(returned);
            if (_session.State == SessionState.Showing && _isShown)
                Acknowledge();
            var wait = _session.Tick(_clock.ElapsedMilliseconds);
            string reason;
            switch (_transport.Wait(wait, _message, out reason))
            {
                case Arrival.Message:
                    _session.Receive(_message, _clock.ElapsedMilliseconds);
                    break;
                case Arrival.Nothing:
                    _session.Silence(_clock.ElapsedMilliseconds);
                    break;
                case Arrival.Lost:
                    throw new SessionOverException("timeout", reason);
            }
            Update();
        }

        void Acknowledge()
        {
            _pause = FirstPauseMs;
            try
            {
                _session.Shown(_shownMs, _shownError);
            }
            finally
            {
                // Shown is shown, even if the server can no longer be told.
                Keep();
            }
        }

        void Keep()
        {
            if (_cache == null)
                return;
            _cache.Commit(_held);
            if (_cache.Fault.Length == 0)
                return;
            Report(LinkState.Ready, _cache.Fault);
            _cache.Dispose();
            _cache = null;
        }

        void EndTransfer()
        {
            if (_session == null)
                return;
            if (_session.State == SessionState.Showing)
            {
                // It is complete and will be shown: the next session must present it.
                while (!_isShown && !_stopping)
                    _woken.WaitOne(100);
                if (!_isShown)
                    return;
                _session.ShownTooLate();
                Keep();
                return;
            }
            Queue.Abort(Pool);
            if (_cache != null)
                _cache.Abort();
        }

        void ShowCache()
        {
            if (_options.CacheFolder == null)
                return;
            string fault;
            _cache = DiskCache.Open(_options.CacheFolder, out fault);
            if (_cache == null)
            {
                Report(LinkState.Waiting, fault);
                return;
            }
            Report(LinkState.Receiving, "reading the state kept on disk");
            var revision = _cache.Load(_held, () => _stopping, TakeCached);
            if (revision == null)
            {
                Queue.Abort(Pool);
                Report(LinkState.Waiting, _cache.TakeFault());
                return;
            }
            ((IStage)this).Complete(revision);
            while (!_isShown && !_stopping)
                _woken.WaitOne(100);
        }

        /// <summary>A free buffer for the cache to fill, or (tile given) a filled one for the main thread.</summary>
        TileBuffer TakeCached(TileBuffer tile)
        {
            if (tile != null)
            {
                _sink.Prepare(tile);
                Queue.Add(new WorkItem { Type = WorkItem.Kind.Tile, Tile = tile });
                return null;
            }
            TileBuffer free;
            while ((free = Pool.Rent()) == null && !_stopping)
                _woken.WaitOne(100);
            return free;
        }

        LesionSet ReadLesions(byte[] document)
        {
            if (ReferenceEquals(document, _lesionDocument))
                return _lesions;
            string fault;
            _lesions = LesionSet.Read(document, out fault);
            _lesionDocument = document;
            if (fault != null)
                Queue.Add(new WorkItem { Type = WorkItem.Kind.State, State = LinkState.Receiving, Detail = fault });
            return _lesions;
        }

        int NextPause()
        {
            var pause = (int)(_pause * (0.8 + 0.4 * _random.NextDouble()));
            _pause = Math.Min(LongestPauseMs, _pause * 2);
            return pause;
        }

        void Update()
        {
            var state = _session.State == SessionState.Greeting ? LinkState.Greeting
                : _session.State == SessionState.Ready ? LinkState.Ready : LinkState.Receiving;
            if (state != _status.State)
                Report(state, "");
            lock (_lock)
            {
                _status.Server = _session.Welcome.Server ?? "";
                _status.NewestRevision = _session.NewestRevision;
                _status.TilesPending = _session.Transfer.TilesLeft;
                _status.TilesReceived = _tiles;
                _status.BytesReceived = _bytes;
                _status.ShownRevision = _held.Revision;
                _status.Epoch = _held.Epoch;
            }
        }

        void Report(LinkState state, string detail)
        {
            lock (_lock)
            {
                _status.State = state;
                _status.Detail = detail ?? "";
                _status.ShownRevision = _held.Revision;
                _status.Epoch = _held.Epoch;
            }
            Queue.Add(new WorkItem { Type = WorkItem.Kind.State, State = state, Detail = detail ?? "" });
        }
    }
}
