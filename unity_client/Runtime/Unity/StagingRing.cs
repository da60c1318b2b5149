using System;
using Moulage.Core;
using UnityEngine;

namespace Moulage.Unity
{
    /// <summary>
    /// A few readable textures of one tile that pixels pass through on their way to the big ones: the GPU copies each region
    /// from here. More than one, so that the next upload need not wait for the copy of the last.
    /// </summary>
    sealed class StagingRing : IDisposable
    {
        const int Count = 4;

        readonly Texture2D[] _textures = new Texture2D[Count];
        readonly bool _srgb;
        Texture2D _zeros;
        int _next;

        public StagingRing(bool srgb)
        {
            _srgb = srgb;
        }

        public Texture2D Upload(TileBuffer tile)
        {
            if (_textures[_next] == null)
                _textures[_next] = Make();
            var texture = _textures[_next];
            _next = (_next + 1) % Count;
            texture.LoadRawTextureData(tile.Upload);
            texture.Apply(false, false);
            return texture;
        }

        /// <summary>A tile of zeros.</summary>
        public Texture2D Zeros()
        {
            if (_zeros != null)
                return _zeros;
            _zeros = Make();
            _zeros.LoadRawTextureData(new byte[MipChain.Bytes]);
            _zeros.Apply(false, false);
            return _zeros;
        }

        public void Dispose()
        {
            foreach (var texture in _textures)
                UnityObjects.Destroy(texture);
            UnityObjects.Destroy(_zeros);
        }

        Texture2D Make() => new Texture2D(MapSpec.TileSide, MapSpec.TileSide, TextureFormat.RGBA32, true, !_srgb)
        {
            name = "Moulage staging",
            hideFlags = HideFlags.HideAndDontSave
        };
    }

    static class UnityObjects
    {
        /// <summary>Destroy works in play mode only; outside it objects go at once.</summary>
        public static void Destroy(UnityEngine.Object item)
        {
            if (item == null)
                return;
            if (Application.isPlaying)
                UnityEngine.Object.Destroy(item);
            else
                UnityEngine.Object.DestroyImmediate(item);
        }
    }
}
