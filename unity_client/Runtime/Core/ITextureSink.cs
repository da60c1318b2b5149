using System;
using System.Collections.Generic;

namespace Moulage.Core
{
    /// <summary>Makes textures for maps. All members but Prepare belong to the main thread.</summary>
    public interface ITextureSink
    {
        /// <summary>On the link thread, before a tile is uploaded: turn its raw pixels into what the texture wants.</summary>
        void Prepare(TileBuffer tile);

        /// <summary>A texture for a map that is new. An exception becomes the map's error; everything else goes on.</summary>
        ITextureTarget Create(MapSpec spec);
    }

    /// <summary>
    /// A texture with a front, which is seen, and a back, which the next revision is written to. Tiles of the back that
    /// nobody wrote since it was the front are stale; Core keeps the account of that.
    /// </summary>
    public interface ITextureTarget : IDisposable
    {
        /// <summary>
        /// A revision is about to be written to the back. True if the back equals the front (or is all zero where there is no
        /// front yet), so that nothing in it is stale: a back that had to be made must. False if the back is what it was, or
        /// if there is no front yet and nothing is known of the back.
        /// </summary>
        bool PrepareBack();

        /// <summary>Write a tile to the back.</summary>
        void Upload(TileBuffer tile);

        /// <summary>Copy a tile from the front to the back; zeros where there is no front yet.</summary>
        void Restore(TileRect rect);

        /// <summary>The back becomes the front, at once.</summary>
        void Show();
    }

    /// <summary>One map of the state that is shown. Target is null where the texture could not be made.</summary>
    public sealed class MapTexture
    {
        readonly bool[] _stale, _written;
        bool _open;
        int _next;

        public MapTexture(MapSpec spec, ITextureTarget target)
        {
            Spec = spec;
            Target = target;
            _stale = new bool[spec.TileCount];
            _written = new bool[spec.TileCount];
            _next = spec.TileCount;
            for (var i = 0; i < _stale.Length; i++)
                _stale[i] = true;
        }

        public MapSpec Spec { get; }
        public ITextureTarget Target { get; }
        public bool WasShown { get; private set; }

        // A mark that is set only while the list of maps is replaced.
        internal bool IsDeclared;

        /// <summary>Start to write the next revision, if that has not begun.</summary>
        public void Open()
        {
            if (_open)
                return;
            _open = true;
            _next = 0;
            if (Target != null && Target.PrepareBack())
                Array.Clear(_stale, 0, _stale.Length);
        }

        public void Upload(TileBuffer tile)
        {
            Open();
            _written[tile.Rect.Index] = true;
            if (Target != null)
                Target.Upload(tile);
        }

        /// <summary>Restore one stale tile; false when none is left.</summary>
        public bool RestoreNext()
        {
            for (; _next < _stale.Length; _next++)
            {
                if (!_stale[_next] || _written[_next])
                    continue;
                _stale[_next] = false;
                if (Target != null)
                    Target.Restore(Spec.Tile(_next));
                _next++;
                return true;
            }
            return false;
        }

        /// <summary>Show what was written. The old front, the back from now on, lacks exactly the tiles written.</summary>
        public void Show()
        {
            if (Target != null)
                Target.Show();
            for (var i = 0; i < _stale.Length; i++)
            {
                _stale[i] = _written[i];
                _written[i] = false;
            }
            WasShown = true;
            _open = false;
        }

        /// <summary>The session ended: what was written must be restored before anything is shown.</summary>
        public void Abort()
        {
            for (var i = 0; i < _stale.Length; i++)
            {
                _stale[i] |= _written[i];
                _written[i] = false;
            }
            _open = false;
        }
    }

    /// <summary>What happened to the maps when a revision was shown.</summary>
    public sealed class ShownEventArgs : EventArgs
    {
        public Revision Revision;
        public double AppliedMs;
        public readonly List<MapTexture> Added = new List<MapTexture>();
        public readonly List<MapTexture> Changed = new List<MapTexture>();
        public readonly List<MapTexture> Removed = new List<MapTexture>();
        public readonly List<MapTexture> Maps = new List<MapTexture>();
    }
}
