// STUB. Texture2D and Graphics.CopyTexture as their documentation has them, in main memory: a readable copy that Apply uploads,
// a GPU copy per mip level that only CopyTexture reads, and every copy checked for bounds, format and readability.
using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public sealed class Texture2D : Texture
    {
        readonly byte[][] _levels;
        byte[] _readable;

        public Texture2D(int width, int height, TextureFormat textureFormat, bool mipChain, bool linear)
        {
            this.width = width;
            this.height = height;
            Linear = linear;
            var levels = new List<byte[]>();
            var bytes = 0;
            for (var level = 0; level == 0 || mipChain && (width >> level > 0 || height >> level > 0); level++)
            {
                levels.Add(new byte[LevelWidth(level) * LevelHeight(level) * 4]);
                bytes += levels[level].Length;
            }
            _levels = levels.ToArray();
            _readable = new byte[bytes];
            // What a new texture holds is not said.
            for (var i = 0; i < bytes; i++)
                _readable[i] = 0xCD;
            Alive++;
        }

        /// <summary>Of the stub only: textures that were made and not destroyed.</summary>
        public static int Alive { get; private set; }

        public int width { get; private set; }
        public int height { get; private set; }
        public int mipmapCount { get { return _levels.Length; } }
        public bool ignoreMipmapLimit { get; set; }

        internal bool Linear { get; private set; }

        public void LoadRawTextureData(byte[] data)
        {
            if (_readable == null)
                throw new InvalidOperationException("the texture is not readable");
            if (data.Length < _readable.Length)
                throw new ArgumentException("not enough data");
            Array.Copy(data, _readable, _readable.Length);
        }

        public void Apply(bool updateMipmaps, bool makeNoLongerReadable)
        {
            if (_readable == null || updateMipmaps)
                throw new InvalidOperationException("the texture is not readable, or mips would be made anew");
            var at = 0;
            foreach (var level in _levels)
            {
                Array.Copy(_readable, at, level, 0, level.Length);
                at += level.Length;
            }
            if (makeNoLongerReadable)
                _readable = null;
        }

        /// <summary>Of the stub only: what the GPU has.</summary>
        public byte[] Level(int level) { return _levels[level]; }

        public int LevelWidth(int level) { return Math.Max(1, width >> level); }
        public int LevelHeight(int level) { return Math.Max(1, height >> level); }
        public void ReadPixels(Rect source, int destX, int destY) { throw new NotImplementedException(); }

        protected override void OnDestroyed() { Alive--; }

        internal void CheckAlive()
        {
            if (IsDestroyed)
                throw new InvalidOperationException("the texture was destroyed");
        }
    }

    public partial class Graphics
    {
        public static void CopyTexture(Texture src, Texture dst)
        {
            Texture2D from = (Texture2D)src, to = (Texture2D)dst;
            if (from.width != to.width || from.height != to.height || from.mipmapCount != to.mipmapCount)
                throw new ArgumentException("the textures differ in size");
            for (var level = 0; level < from.mipmapCount; level++)
                CopyTexture(src, 0, level, 0, 0, from.LevelWidth(level), from.LevelHeight(level), dst, 0, level, 0, 0);
        }

        public static void CopyTexture(Texture src, int srcElement, int srcMip, int srcX, int srcY, int srcWidth, int srcHeight, Texture dst, int dstElement, int dstMip, int dstX, int dstY)
        {
            Texture2D from = (Texture2D)src, to = (Texture2D)dst;
            from.CheckAlive();
            to.CheckAlive();
            if (from.Linear != to.Linear || ReferenceEquals(from, to))
                throw new ArgumentException("the textures differ in format, or are one");
            if (srcX < 0 || srcY < 0 || srcWidth < 1 || srcHeight < 1 || dstX < 0 || dstY < 0
                || srcX + srcWidth > from.LevelWidth(srcMip) || srcY + srcHeight > from.LevelHeight(srcMip)
                || dstX + srcWidth > to.LevelWidth(dstMip) || dstY + srcHeight > to.LevelHeight(dstMip))
                throw new ArgumentException("the region lies outside");
            for (var y = 0; y < srcHeight; y++)
                Array.Copy(
                    from.Level(srcMip), ((srcY + y) * from.LevelWidth(srcMip) + srcX) * 4,
                    to.Level(dstMip), ((dstY + y) * to.LevelWidth(dstMip) + dstX) * 4, srcWidth * 4);
        }
    }
}
