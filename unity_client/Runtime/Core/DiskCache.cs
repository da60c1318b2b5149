using System;
using System.Collections.Generic;
using System.IO;

namespace Moulage.Core
{
    /// <summary>
    /// The last state on disk. tiles.bin has slots of one tile; state.bin says which slot holds which tile, with its hash. A
    /// changed tile goes to a free slot and state.bin is replaced whole, so that a crash at any time leaves the state before or
    /// after; every tile is verified by hash when it is read. Belongs to the link thread. A cache that fails is closed; the
    /// link goes on without.
    /// </summary>
    public sealed class DiskCache : IDisposable
    {
        struct Change
        {
            public MapHandle Map;
            public int Tile, Slot;
        }

        const int Nowhere = -1;

        readonly string _statePath;
        readonly FileStream _tiles;
        readonly Dictionary<MapHandle, int[]> _slots = new Dictionary<MapHandle, int[]>();
        readonly Dictionary<MapHandle, int[]> _kept = new Dictionary<MapHandle, int[]>();
        readonly List<Change> _changes = new List<Change>();
        readonly Stack<int> _free = new Stack<int>();
        readonly CacheIndex _index = new CacheIndex();
        int _slotCount;
        bool _closed;

        DiskCache(string folder)
        {
            _statePath = Path.Combine(folder, "state.bin");
            _tiles = new FileStream(Path.Combine(folder, "tiles.bin"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }

        /// <summary>Why nothing could be loaded or kept; empty if all is well.</summary>
        public string Fault { get; private set; } = "";

        /// <summary>Fault, which is then empty: what was wrong with the old state does not concern the new one.</summary>
        public string TakeFault()
        {
            var fault = Fault;
            Fault = "";
            return fault;
        }

        /// <summary>The cache in a folder, which is made if need be; null where it can't be used.</summary>
        public static DiskCache Open(string folder, out string fault)
        {
            fault = "";
            try
            {
                Directory.CreateDirectory(folder);
                return new DiskCache(folder);
            }
            catch (Exception error) when (IsOfFiles(error))
            {
                fault = $"no disk cache: {error.Message}";
                return null;
            }
        }

        /// <summary>
        /// The state that was kept, or null if there is none or a tile is not what it was. take(null) gives a free buffer,
        /// take(tile) hands a filled one on.
        /// </summary>
        public Revision Load(HeldState held, Func<bool> stopping, Func<TileBuffer, TileBuffer> take)
        {
            try
            {
                if (!File.Exists(_statePath))
                    return null;
                var revision = _index.Read(File.ReadAllBytes(_statePath), held, _slots);
                foreach (var map in held.Maps)
                    if (!LoadMap(map, stopping, take))
                        throw new InvalidDataException($"{map.Handle.Spec} is damaged");
                FindFree();
                return revision;
            }
            catch (Exception error) when (IsOfFiles(error))
            {
                Fault = $"the state kept on disk is not used: {error.Message}";
            }
            held.Maps.Clear();
            held.Epoch = 0;
            held.Revision = 0;
            held.Document = new byte[0];
            held.DocumentHash = XxHash64.OfNothing;
            _slots.Clear();
            return null;
        }

        /// <summary>Keep a tile of the transfer that is on its way.</summary>
        public void Write(TileBuffer tile, ulong hash)
        {
            if (_closed)
                return;
            try
            {
                var slot = _free.Count > 0 ? _free.Pop() : _slotCount++;
                _changes.Add(new Change { Map = tile.Map, Tile = tile.Rect.Index, Slot = slot });
                _tiles.Position = (long)slot * TileBuffer.RawBytes;
                _tiles.Write(tile.Raw, 0, tile.RawLength);
            }
            catch (Exception error) when (IsOfFiles(error))
            {
                Close(error);
            }
        }

        /// <summary>The transfer is shown: what was written is the state from now on.</summary>
        public void Commit(HeldState held)
        {
            if (_closed)
                return;
            try
            {
                var freed = Apply(held);
                _tiles.Flush();
                Replace(_index.Write(held, _slots));
                foreach (var slot in freed)
                    _free.Push(slot);
            }
            catch (Exception error) when (IsOfFiles(error))
            {
                Close(error);
            }
        }

        /// <summary>The transfer will not be shown.</summary>
        public void Abort()
        {
            foreach (var change in _changes)
                _free.Push(change.Slot);
            _changes.Clear();
        }

        public void Dispose()
        {
            _closed = true;
            _tiles.Dispose();
        }

        bool LoadMap(MapEntry map, Func<bool> stopping, Func<TileBuffer, TileBuffer> take)
        {
            var slots = _slots[map.Handle];
            var blank = MapEntry.BlankHashes(map.Handle.Spec);
            for (var i = 0; i < slots.Length; i++)
            {
                if (slots[i] == Nowhere)
                {
                    if (map.Shown[i] != blank[i])
                        return false;
                    continue;
                }
                var tile = take(null);
                if (tile == null || stopping())
                    return false;
                tile.Map = map.Handle;
                tile.Rect = map.Handle.Spec.Tile(i);
                _tiles.Position = (long)slots[i] * TileBuffer.RawBytes;
                var good = ReadFully(tile) && XxHash64.Of(tile.Raw, tile.RawLength) == map.Shown[i];
                take(tile);
                if (!good)
                    return false;
            }
            return true;
        }

        bool ReadFully(TileBuffer tile)
        {
            var at = 0;
            while (at < tile.RawLength)
            {
                var read = _tiles.Read(tile.Raw, at, tile.RawLength - at);
                if (read == 0)
                    return false;
                at += read;
            }
            return true;
        }

        /// <summary>Bring the slots up to the held state; the slots that no tile of it needs any more.</summary>
        List<int> Apply(HeldState held)
        {
            var freed = new List<int>();
            _kept.Clear();
            foreach (var map in held.Maps)
            {
                int[] slots;
                if (!_slots.TryGetValue(map.Handle, out slots))
                {
                    slots = new int[map.Handle.Spec.TileCount];
                    for (var i = 0; i < slots.Length; i++)
                        slots[i] = Nowhere;
                }
                _kept[map.Handle] = slots;
            }
            foreach (var entry in _slots)
                if (!_kept.ContainsKey(entry.Key))
                    freed.AddRange(Array.FindAll(entry.Value, slot => slot != Nowhere));
            _slots.Clear();
            foreach (var entry in _kept)
                _slots[entry.Key] = entry.Value;
            foreach (var change in _changes)
            {
                var slots = _slots[change.Map];
                if (slots[change.Tile] != Nowhere)
                    freed.Add(slots[change.Tile]);
                slots[change.Tile] = change.Slot;
            }
            _changes.Clear();
            return freed;
        }

        void FindFree()
        {
            var used = new HashSet<int>();
            foreach (var slots in _slots.Values)
                used.UnionWith(slots);
            _slotCount = (int)(_tiles.Length / TileBuffer.RawBytes) + 1;
            for (var slot = 0; slot < _slotCount; slot++)
                if (!used.Contains(slot))
                    _free.Push(slot);
        }

        void Replace(ArraySegment<byte> index)
        {
            var temporary = _statePath + ".new";
            using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1))
                file.Write(index.Array, index.Offset, index.Count);
            if (File.Exists(_statePath))
                File.Replace(temporary, _statePath, null);
            else
                File.Move(temporary, _statePath);
        }

        void Close(Exception error)
        {
            Fault = $"the disk cache is closed: {error.Message}";
            Dispose();
        }

        static bool IsOfFiles(Exception error) =>
            error is IOException || error is InvalidDataException || error is UnauthorizedAccessException || error is FormatException;
    }
}
