using System;
using System.Collections.Generic;
using Moulage.Core;
using UnityEngine;
using UnityEngine.Rendering;

namespace Moulage.Unity
{
    /// <summary>Makes the GPU textures of all maps, and keeps instance maps readable beside them.</summary>
    sealed class AvatarTextures : ITextureSink, IDisposable
    {
        readonly Dictionary<int, StagingRing> _rings = new Dictionary<int, StagingRing>();

        public void Prepare(TileBuffer tile) => MipChain.Build(tile, tile.Map.Spec.Format == TexelFormat.Rgba8);

        public ITextureTarget Create(MapSpec spec)
        {
            if ((SystemInfo.copyTextureSupport & CopyTextureSupport.Basic) == 0)
                throw new NotSupportedException("this graphics API cannot copy between textures");
            if (Math.Max(spec.Width, spec.Height) > SystemInfo.maxTextureSize)
                throw new NotSupportedException($"this GPU takes textures of at most {SystemInfo.maxTextureSize} texels a side");
            var key = (int)spec.Format * 2 + (spec.Srgb ? 1 : 0);
            StagingRing ring;
            if (!_rings.TryGetValue(key, out ring))
                _rings[key] = ring = new StagingRing(spec.Format, spec.Srgb);
            return new AvatarTextureTarget(spec, ring);
        }

        public void Dispose()
        {
            foreach (var ring in _rings.Values)
                ring.Dispose();
            _rings.Clear();
        }
    }

    /// <summary>
    /// An updatable texture in place of the imported, compressed one. Two textures of the map's size: the one that is seen, and
    /// the one that the next revision is written to; COMMIT swaps them. All mips are made from the tiles that changed, nothing
    /// is ever rebuilt or read back.
    /// </summary>
    public sealed class AvatarTextureTarget : ITextureTarget
    {
        readonly MapSpec _spec;
        readonly StagingRing _ring;
        readonly CpuTexture _values;
        readonly MipTail _tail;
        readonly int _levels;
        Texture2D _front, _back, _tailStaging;

        internal AvatarTextureTarget(MapSpec spec, StagingRing ring)
        {
            _spec = spec;
            _ring = ring;
            _levels = spec.Format == TexelFormat.R16 ? 1 : MipChain.Levels(spec.Width, spec.Height);
            _values = spec.Format == TexelFormat.R16 ? new CpuTexture(spec) : null;
            _tail = _levels > MipChain.TileLevels ? new MipTail(spec) : null;
        }

        /// <summary>The texture that shows the current revision; another one after the next.</summary>
        public Texture2D Texture => _front;

        /// <summary>The value of a map in r16 at a texel, row 0 at the top; 0 in other maps.</summary>
        public int Value(int x, int y) => _values == null ? 0 : _values.Value(x, y);

        bool ITextureTarget.PrepareBack()
        {
            if (_tail != null)
                _tail.PrepareBack();
            if (_values != null)
                _values.PrepareBack();
            if (_back != null)
                return false;
            _back = MakeTexture();
            if (_front == null)
                return false;
            Graphics.CopyTexture(_front, _back);
            return true;
        }

        void ITextureTarget.Upload(TileBuffer tile)
        {
            Copy(_ring.Upload(tile), tile.Rect, false);
            if (_tail != null)
                _tail.Take(tile);
            if (_values != null)
                _values.Upload(tile);
        }

        void ITextureTarget.Restore(TileRect rect) => Copy(_front == null ? _ring.Zeros() : _front, rect, _front != null);

        void ITextureTarget.Show()
        {
            if (_tail != null)
                ShowTail();
            if (_values != null)
                _values.Show();
            var old = _front;
            _front = _back;
            _back = old;
        }

        public void Dispose()
        {
            UnityObjects.Destroy(_front);
            UnityObjects.Destroy(_back);
            UnityObjects.Destroy(_tailStaging);
            if (_values != null)
                _values.Dispose();
        }

        /// <summary>Copy a tile's region of every level to the back, from a staging texture or from the same place in the front.</summary>
        void Copy(Texture2D source, TileRect rect, bool samePlace)
        {
            for (var level = 0; level < Math.Min(_levels, MipChain.TileLevels); level++)
            {
                var place = MipChain.Place(_spec, rect, level);
                if (place.IsEmpty)
                    return;
                Graphics.CopyTexture(
                    source, 0, level, samePlace ? place.X : 0, samePlace ? place.Y : 0, place.Width, place.Height,
                    _back, 0, level, place.X, place.Y);
            }
        }

        void ShowTail()
        {
            if (_tailStaging == null)
                _tailStaging = new Texture2D(_tail.LevelWidth(0), _tail.LevelHeight(0), TextureFormat.RGBA32, true, !_spec.Srgb)
                {
                    name = "Moulage tail",
                    hideFlags = HideFlags.HideAndDontSave
                };
            _tailStaging.LoadRawTextureData(_tail.Build());
            _tailStaging.Apply(false, false);
            for (var level = 1; level < _tail.Levels; level++)
                Graphics.CopyTexture(
                    _tailStaging, 0, level, 0, 0, _tail.LevelWidth(level), _tail.LevelHeight(level),
                    _back, 0, MipChain.TileLevels - 1 + level, 0, 0);
            _tail.Show();
        }

        Texture2D MakeTexture()
        {
            var format = _spec.Format == TexelFormat.R16 ? TextureFormat.R16 : TextureFormat.RGBA32;
            var texture = new Texture2D(_spec.Width, _spec.Height, format, _levels > 1, !_spec.Srgb)
            {
                name = _spec.ToString(),
                hideFlags = HideFlags.DontSave,
                wrapMode = TextureWrapMode.Repeat,
                filterMode = _levels > 1 ? FilterMode.Trilinear : FilterMode.Point,
                anisoLevel = _levels > 1 ? 8 : 0
            };
#if UNITY_2022_2_OR_NEWER
            // A lower texture quality would make the GPU's level 0 another one than ours.
            texture.ignoreMipmapLimit = true;
#endif
            // The copy in main memory goes at once: all writing is done by the GPU.
            texture.Apply(false, true);
            return texture;
        }
    }
}
