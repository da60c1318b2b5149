using System;
using System.Collections.Generic;
using System.Diagnostics;

namespace Moulage.Core
{
    /// <summary>
    /// The main thread's half of the link: takes what the link thread received into textures, a slice per frame, and shows each
    /// revision whole. MoulageReceiver and SceneHost run this same class.
    /// </summary>
    public sealed class SceneMirror : IDisposable
    {
        static readonly double MsPerTick = 1000.0 / Stopwatch.Frequency;

        readonly LinkOptions _options;
        readonly ITextureSink _sink;
        readonly LinkThread _link;
        readonly List<MapTexture> _open = new List<MapTexture>();
        readonly List<MapTexture> _unseen = new List<MapTexture>();
        readonly ShownEventArgs _shown = new ShownEventArgs();
        MapHandle[] _handles = new MapHandle[0];
        Revision _pending;
        string _error = "";
        int _restoring;

        public SceneMirror(LinkOptions options, ITransport transport, ITextureSink sink)
        {
            _options = options;
            _sink = sink;
            _link = new LinkThread(options, transport, sink);
        }

        /// <summary>A revision is shown: all maps of it, between two frames.</summary>
        public event Action<ShownEventArgs> Shown;

        public event Action<LinkState, string> StateChanged;

        /// <summary>The maps that are shown.</summary>
        public IList<MapTexture> Maps => _shown.Maps;

        /// <summary>The lesions of the revision shown.</summary>
        public LesionSet Lesions { get; private set; } = LesionSet.Empty;

        /// <summary>How long the last Tick took, and the longest since ResetSlices.</summary>
        public double SliceMs { get; private set; }
        public double LongestSliceMs { get; private set; }

        /// <summary>The longest upload of one tile since ResetSlices: a slice may take that much more than the budget.</summary>
        public double LongestTileMs { get; private set; }

        public LinkStatus Status => _link.Status;

        public void Start() => _link.Start();

        public void ResetSlices() => LongestSliceMs = LongestTileMs = 0;

        /// <summary>To be called once a frame. Returns after BudgetMs, or as soon as nothing is left to do.</summary>
        public void Tick()
        {
            var start = Stopwatch.GetTimestamp();
            var now = start;
            var returned = 0;
            bool worked, isTile;
            do
            {
                var before = now;
                worked = Step(ref returned, out isTile);
                now = Stopwatch.GetTimestamp();
                if (isTile)
                    LongestTileMs = Math.Max(LongestTileMs, (now - before) * MsPerTick);
            }
            while (worked && (now - start) * MsPerTick < _options.BudgetMs);
            if (returned > 0)
                _link.Wake();
            SliceMs = (Stopwatch.GetTimestamp() - start) * MsPerTick;
            LongestSliceMs = Math.Max(LongestSliceMs, SliceMs);
        }

        /// <summary>Ends the link and its thread, and gives all textures back.</summary>
        public void Dispose()
        {
            _link.Dispose();
            foreach (var map in _shown.Maps)
                Release(map);
            foreach (var map in _unseen)
                Release(map);
            _shown.Maps.Clear();
            _unseen.Clear();
            _open.Clear();
            _handles = new MapHandle[0];
        }

        /// <summary>One tile, one restored tile, or one swap; false when there is nothing to do.</summary>
        bool Step(ref int returned, out bool isTile)
        {
            isTile = false;
            if (_pending != null)
            {
                if (!RestoreOne())
                    ShowPending();
                return true;
            }
            WorkItem item;
            if (!_link.Queue.TryTake(out item))
                return false;
            switch (item.Type)
            {
                case WorkItem.Kind.Tile:
                    isTile = true;
                    try
                    {
                        Upload(item.Tile);
                    }
                    finally
                    {
                        returned = _link.Pool.Return(item.Tile);
                    }
                    break;
                case WorkItem.Kind.Complete:
                    _pending = item.Revision;
                    _restoring = 0;
                    foreach (var handle in _pending.Maps)
                        Texture(handle);
                    break;
                case WorkItem.Kind.Abort:
                    Abort();
                    break;
                case WorkItem.Kind.State:
                    StateChanged?.Invoke(item.State, item.Detail);
                    break;
            }
            return true;
        }

        void Upload(TileBuffer tile)
        {
            var texture = Texture(tile.Map);
            if (!_open.Contains(texture))
                _open.Add(texture);
            texture.Upload(tile);
        }

        /// <summary>The map's texture; makes it when the map is new.</summary>
        MapTexture Texture(MapHandle handle)
        {
            if (handle.Texture != null)
                return handle.Texture;
            ITextureTarget target = null;
            try
            {
                target = _sink.Create(handle.Spec);
            }
            catch (Exception fault)
            {
                // The other maps go on; the server's operator reads the reason in the client's status.
                _error = $"{handle.Spec}: {fault.Message}";
            }
            handle.Texture = new MapTexture(handle.Spec, target);
            handle.Texture.Open();
            _open.Add(handle.Texture);
            _unseen.Add(handle.Texture);
            return handle.Texture;
        }

        bool RestoreOne()
        {
            for (; _restoring < _open.Count; _restoring++)
                if (_open[_restoring].RestoreNext())
                    return true;
            return false;
        }

        void ShowPending()
        {
            var revision = _pending;
            _pending = null;
            _shown.Revision = revision;
            _shown.Added.Clear();
            _shown.Changed.Clear();
            _shown.Removed.Clear();
            foreach (var map in _open)
            {
                (map.WasShown ? _shown.Changed : _shown.Added).Add(map);
                map.Show();
            }
            _open.Clear();
            if (!ReferenceEquals(_handles, revision.Maps))
                ReplaceMaps(revision.Maps);
            Lesions = revision.Lesions;
            _shown.AppliedMs = (Stopwatch.GetTimestamp() - revision.Arrived) * MsPerTick;
            _link.Shown(_shown.AppliedMs, _error);
            _error = "";
            try
            {
                Shown?.Invoke(_shown);
            }
            finally
            {
                foreach (var map in _shown.Removed)
                    Release(map);
            }
        }

        void ReplaceMaps(MapHandle[] handles)
        {
            foreach (var handle in handles)
                handle.Texture.IsDeclared = true;
            foreach (var map in _shown.Maps)
                if (!map.IsDeclared)
                    _shown.Removed.Add(map);
            _shown.Maps.Clear();
            foreach (var handle in handles)
            {
                handle.Texture.IsDeclared = false;
                _shown.Maps.Add(handle.Texture);
            }
            _unseen.Clear();
            _handles = handles;
        }

        /// <summary>The session ended within a transfer: the shown state stays, what was written aside is void.</summary>
        void Abort()
        {
            foreach (var map in _open)
                map.Abort();
            _open.Clear();
            foreach (var map in _unseen)
                Release(map);
            _unseen.Clear();
        }

        static void Release(MapTexture map)
        {
            if (map.Target != null)
                map.Target.Dispose();
        }
    }
}
