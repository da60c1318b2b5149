using System;
using Moulage.Core;
using UnityEngine;
using UnityEngine.Rendering;

namespace Moulage.Unity
{
    /// <summary>
    /// Makes the textures of all maps. Those in r16 stay in main memory: nothing shows them, they tell which lesion a texel
    /// belongs to.
    /// </summary>
    sealed class AvatarTextures : ITextureSink, IDisposable
    {
        readonly SpareTiles _spare = new SpareTiles();
        readonly StagingRing _colours = new StagingRing(true), _numbers = new StagingRing(false);

        public void Prepare(TileBuffer tile)
        {
            if (tile.Map.Spec.Format == TexelFormat.Rgba8)
                MipChain.Build(tile);
        }

        public ITextureTarget Create(MapSpec spec)
        {
            if (spec.Format == TexelFormat.R16)
                return new CpuTexture(spec, _spare);
            if ((SystemInfo.copyTextureSupport & CopyTextureSupport.Basic) == 0)
                throw new NotSupportedException("this graphics API cannot copy between textures");
            if (Math.Max(spec.Width, spec.Height) > SystemInfo.maxTextureSize)
                throw new NotSupportedException($"this GPU takes textures of at most {SystemInfo.maxTextureSize} texels a side");
            return new AvatarTextureTarget(spec, spec.Srgb ? _colours : _numbers);
        }

        public void Dispose()
        {
            _colours.Dispose();
            _numbers.Dispose();
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
        readonly MipTail _tail;
        readonly int _levels;
        Texture2D _front, _back, _tailStaging;

        internal AvatarTextureTarget(MapSpec spec, StagingRing ring)
        {
            _spec = spec;
            _ring = ring;
            _levels = MipChain.Levels(spec.Width, spec.Height);
            _tail = _levels > MipChain.TileLevels ? new MipTail(spec) : null;
        }

        /// <summary>The texture that shows the current revision; another one after the next.</summary>
        public Texture2D Texture => _front;

        bool ITextureTarget.PrepareBack()
        {
            if (_tail != null)
                _tail.PrepareBack();
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
        }

        void ITextureTarget.Restore(TileRect rect) => Copy(_front == null ? _ring.Zeros() : _front, rect, _front != null);

        void ITextureTarget.Show()
        {
            if (_tail != null)
                ShowTail();
            var old = _front;
            _front = _back;
            _back = old;
        }

        public void Dispose()
        {
            UnityObjects.Destroy(_front);
            UnityObjects.Destroy(_back);
            UnityObjects.Destroy(_tailStaging);
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
            var texture = new Texture2D(_spec.Width, _spec.Height, TextureFormat.RGBA32, true, !_spec.Srgb)
            {
                name = _spec.ToString(),
                hideFlags = HideFlags.DontSave,
                wrapMode = TextureWrapMode.Repeat,
                filterMode = FilterMode.Trilinear,
                anisoLevel = 8
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
