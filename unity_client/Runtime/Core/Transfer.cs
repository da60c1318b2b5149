using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Moulage.Core
{
    /// <summary>
    /// The declared maps of a session and the transfer that changes them: everything between BEGIN and COMMIT, in the order and
    /// number that BEGIN announced (docs/protocol.md §5). Nothing takes effect before Show.
    /// </summary>
    public sealed unsafe class Transfer
    {
        readonly HeldState _held;
        readonly long _memoryLimit;
        readonly HashSet<uint> _usedIds = new HashSet<uint>();
        readonly List<MapEntry> _presented = new List<MapEntry>();
        readonly List<MapEntry> _declared = new List<MapEntry>();
        readonly List<MapEntry> _next = new List<MapEntry>();
        byte[] _records = new byte[8];
        byte[] _document;
        MapHandle[] _handles;
        ulong _documentHash;
        long _drops, _maps, _tiles, _pixelBytes, _lastRevision = -1;
        bool _data, _mapsChanged;

        public Transfer(HeldState held, long memoryLimit)
        {
            _held = held;
            _memoryLimit = memoryLimit;
            if (!held.Distrusted)
                _presented.AddRange(held.Maps);
        }

        public Begin Announced { get; private set; }

        public long TilesLeft => _tiles;

        public void Begin(Begin begin)
        {
            if (begin.Revision <= _lastRevision)
                throw Order($"revision {begin.Revision} after {_lastRevision}");
            Announced = begin;
            _drops = begin.Drops;
            _maps = begin.Maps;
            _tiles = begin.Tiles;
            _data = begin.Data;
            _mapsChanged = _handles == null || begin.Drops + begin.Maps > 0;
            var first = _lastRevision < 0;
            _document = first && _held.Distrusted ? new byte[0] : _held.Document;
            _documentHash = first && _held.Distrusted ? XxHash64.OfNothing : _held.DocumentHash;
            _next.Clear();
            _next.AddRange(_declared);
            foreach (var map in _next)
                map.Forget();
        }

        public void Drop(uint id)
        {
            if (_drops-- == 0)
                throw Order("DROP that BEGIN did not announce");
            var at = Find(id);
            if (at < 0)
                throw new ProtocolException("unknown-map", $"DROP of map {id}, which is not declared");
            _pixelBytes -= _next[at].Handle.Spec.ByteCount;
            _next.RemoveAt(at);
        }

        public void Declare(MapDeclaration declaration)
        {
            if (_drops > 0 || _maps-- == 0)
                throw Order("MAP that BEGIN did not announce at this point");
            var spec = declaration.Spec;
            if (!_usedIds.Add(declaration.Id))
                throw Bad($"map number {declaration.Id} is used twice");
            foreach (var map in _next)
                if (map.Handle.Spec.HasKeyOf(spec))
                    throw Bad($"{spec} is declared twice");
            if (_next.Count == MessageReader.MaxMaps)
                throw new ProtocolException("limit", $"more than {MessageReader.MaxMaps} maps");
            _pixelBytes += spec.ByteCount;
            if (_pixelBytes > _memoryLimit)
                throw new ProtocolException("limit", $"maps of {_pixelBytes} bytes; {_memoryLimit} are allowed here");
            var entry = declaration.Held
                ? new MapEntry(declaration.Id, Presented(spec))
                : new MapEntry(declaration.Id, new MapHandle(spec), MapEntry.BlankHashes(spec));
            _next.Insert(~Find(declaration.Id), entry);
        }

        /// <summary>The map that a tile belongs to and the tile's place in it; refuses a tile that must not come now.</summary>
        public MapEntry Expect(TileHeader header, int payload, out TileRect rect)
        {
            if (_drops > 0 || _maps > 0 || _tiles == 0)
                throw Order("TILE that BEGIN did not announce at this point");
            if (header.Revision != (ulong)Announced.Revision)
                throw Order($"a tile of revision {header.Revision} in the transfer to {Announced.Revision}");
            var at = Find(header.Map);
            if (at < 0)
                throw new ProtocolException("unknown-map", $"a tile of map {header.Map}, which is not declared");
            rect = MessageReader.Place(header, _next[at].Handle.Spec, payload);
            return _next[at];
        }

        public void Stage(MapEntry map, TileRect rect, ulong hash)
        {
            _tiles--;
            map.Stage(rect.Index, hash);
        }

        public void TakeDocument(byte* data, int length)
        {
            if (_drops > 0 || _maps > 0 || _tiles > 0 || !_data)
                throw Order("DATA that BEGIN did not announce at this point");
            _data = false;
            _document = new byte[length];
            Marshal.Copy((IntPtr)data, _document, 0, length);
            _documentHash = XxHash64.Of(_document, length);
        }

        /// <summary>The complete revision, after its state hash was found to be COMMIT's.</summary>
        public Revision Complete(Commit commit)
        {
            if (_drops > 0 || _maps > 0 || _tiles > 0 || _data)
                throw Order("COMMIT before everything that BEGIN announced");
            if (commit.Revision != Announced.Revision)
                throw Order($"COMMIT of {commit.Revision} in the transfer to {Announced.Revision}");
            if (StateHash() != commit.State)
            {
                _held.Distrusted = true;
                throw new ProtocolException("mismatch", "the state hash is wrong");
            }
            if (_mapsChanged)
                _handles = _next.ConvertAll(map => map.Handle).ToArray();
            return new Revision
            {
                Number = commit.Revision,
                Tiles = Announced.Tiles,
                Bytes = Announced.Bytes,
                Maps = _handles,
                Document = _document
            };
        }

        /// <summary>The staged state is the shown one from now on.</summary>
        public void Show(ulong epoch)
        {
            foreach (var map in _next)
                map.Show();
            _declared.Clear();
            _declared.AddRange(_next);
            _presented.Clear();
            _held.Maps.Clear();
            _held.Maps.AddRange(_next);
            _held.Epoch = epoch;
            _held.Revision = _lastRevision = Announced.Revision;
            _held.Document = _document;
            _held.DocumentHash = _documentHash;
            _held.Distrusted = false;
        }

        ulong StateHash()
        {
            var length = 12 * _next.Count + 8;
            if (_records.Length < length)
                _records = new byte[length];
            var at = 0;
            foreach (var map in _next)
            {
                at = Append(at, map.Id, 4);
                at = Append(at, map.StagedHash, 8);
            }
            Append(at, _documentHash, 8);
            return XxHash64.Of(_records, length);
        }

        int Append(int at, ulong value, int bytes)
        {
            for (var i = 0; i < bytes; i++)
                _records[at + i] = (byte)(value >> 8 * i);
            return at + bytes;
        }

        MapEntry Presented(MapSpec spec)
        {
            foreach (var map in _presented)
                if (map.Handle.Spec.Equals(spec))
                    return map;
            throw Order($"{spec} is declared as held, but was not presented");
        }

        /// <summary>Where the map with this number is in the ascending list, or the complement of where it would be.</summary>
        int Find(uint id)
        {
            int low = 0, high = _next.Count;
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (_next[middle].Id < id)
                    low = middle + 1;
                else
                    high = middle;
            }
            return low < _next.Count && _next[low].Id == id ? low : ~low;
        }

        static ProtocolException Order(string message) => new ProtocolException("order", message);

        static ProtocolException Bad(string message) => new ProtocolException("malformed", message);
    }
}
