using System;
using System.Collections.Generic;

namespace Moulage.Core
{
    /// <summary>One map's life in the scene. The link thread hands it round; Texture belongs to the main thread.</summary>
    public sealed class MapHandle
    {
        public readonly MapSpec Spec;
        public MapTexture Texture;

        public MapHandle(MapSpec spec)
        {
            Spec = spec;
        }
    }

    /// <summary>What the link thread knows of a map: the hashes of the tiles shown and of those set aside for the next COMMIT.</summary>
    public sealed class MapEntry
    {
        public readonly uint Id;
        public readonly MapHandle Handle;

        ulong[] _shown, _staged;

        public MapEntry(uint id, MapHandle handle, ulong[] hashes)
        {
            Id = id;
            Handle = handle;
            _shown = hashes;
        }

        /// <summary>The same map under a number of its own in a new session.</summary>
        public MapEntry(uint id, MapEntry held) : this(id, held.Handle, held._shown)
        {
        }

        public bool IsStaged { get; private set; }

        /// <summary>The tile hashes of the state that is shown; not to be changed.</summary>
        public ulong[] Shown => _shown;

        /// <summary>The hash of the map as it will be after COMMIT.</summary>
        public ulong StagedHash => XxHash64.Of(IsStaged ? _staged : _shown);

        public void Stage(int tile, ulong hash)
        {
            if (!IsStaged)
            {
                if (_staged == null)
                    _staged = new ulong[_shown.Length];
                Array.Copy(_shown, _staged, _shown.Length);
                IsStaged = true;
            }
            _staged[tile] = hash;
        }

        public void Forget() => IsStaged = false;

        public void Show()
        {
            if (!IsStaged)
                return;
            var shown = _shown;
            _shown = _staged;
            _staged = shown;
            IsStaged = false;
        }

        /// <summary>The tile hashes of a map whose bytes are all zero.</summary>
        public static ulong[] BlankHashes(MapSpec spec)
        {
            var zeros = new byte[TileBuffer.RawBytes];
            var known = new Dictionary<int, ulong>();
            var hashes = new ulong[spec.TileCount];
            for (var i = 0; i < hashes.Length; i++)
            {
                var rect = spec.Tile(i);
                var bytes = rect.Width * rect.Height * spec.TexelBytes;
                ulong hash;
                if (!known.TryGetValue(bytes, out hash))
                    known[bytes] = hash = XxHash64.Of(zeros, bytes);
                hashes[i] = hash;
            }
            return hashes;
        }
    }

    /// <summary>The state that is shown, as it outlives sessions. Belongs to the link thread.</summary>
    public sealed class HeldState
    {
        public ulong Epoch;
        public long Revision;
        public ulong DocumentHash = XxHash64.OfNothing;
        public byte[] Document = new byte[0];
        public readonly List<MapEntry> Maps = new List<MapEntry>();

        /// <summary>After a mismatch the next session presents nothing, so that everything is sent again.</summary>
        public bool Distrusted;
    }

    /// <summary>A complete revision on its way to the main thread, which shows it whole.</summary>
    public sealed class Revision
    {
        public ulong Epoch;
        public long Number, Tiles, Bytes;
        public MapHandle[] Maps;
        public byte[] Document;
        public LesionSet Lesions;

        /// <summary>Stopwatch ticks at the arrival of COMMIT.</summary>
        public long Arrived;

        /// <summary>Whether it comes from the disk cache rather than from a server.</summary>
        public bool Cached;
    }
}
