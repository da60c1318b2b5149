using System;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>Mips made tile by tile equal those made of the whole map, texel for texel, in Unity's row order.</summary>
    [TestFixture]
    public sealed unsafe class MipChainTests
    {
        static MapSpec Map(int width, int height, bool srgb) =>
            new MapSpec("a", "m", "albedo", width, height, TexelFormat.Rgba8, srgb);

        static TileBuffer Cut(MapSpec spec, byte[] pixels, int index)
        {
            var tile = new TileBuffer { Map = new MapHandle(spec), Rect = spec.Tile(index) };
            for (var y = 0; y < tile.Rect.Height; y++)
                Array.Copy(pixels, ((tile.Rect.Y + y) * spec.Width + tile.Rect.X) * 4, tile.Raw, y * tile.Rect.Width * 4, tile.Rect.Width * 4);
            return tile;
        }

        /// <summary>All levels of a map, each with row 0 at the bottom, made without tiles.</summary>
        static byte[][] Whole(MapSpec spec, byte[] pixels)
        {
            var levels = new byte[MipChain.Levels(spec.Width, spec.Height)][];
            levels[0] = new byte[pixels.Length];
            for (var y = 0; y < spec.Height; y++)
                Array.Copy(pixels, y * spec.Width * 4, levels[0], (spec.Height - 1 - y) * spec.Width * 4, spec.Width * 4);
            for (var level = 1; level < levels.Length; level++)
            {
                int w0 = Math.Max(1, spec.Width >> level - 1), h0 = Math.Max(1, spec.Height >> level - 1);
                int w = Math.Max(1, spec.Width >> level), h = Math.Max(1, spec.Height >> level);
                levels[level] = new byte[w * h * 4];
                fixed (byte* above = levels[level - 1], below = levels[level])
                    MipChain.Halve(above, w0, w0, h0, below, w, w, h, spec.Srgb);
            }
            return levels;
        }

        [TestCase(1024, 512, true)]
        [TestCase(512, 1024, false)]
        [TestCase(300, 260, true)]
        [TestCase(257, 1, true)]
        [TestCase(5, 3, true)]
        [TestCase(1, 1, false)]
        [TestCase(700, 300, true)]
        public void TilesGiveTheLevelsOfTheWholeMap(int width, int height, bool srgb)
        {
            var spec = Map(width, height, srgb);
            var pixels = new byte[width * height * 4];
            new Random(width).NextBytes(pixels);
            var wanted = Whole(spec, pixels);
            var made = new byte[wanted.Length][];
            for (var level = 0; level < made.Length; level++)
                made[level] = new byte[wanted[level].Length];
            var tail = new MipTail(spec);
            tail.PrepareBack();
            for (var index = 0; index < spec.TileCount; index++)
            {
                var tile = Cut(spec, pixels, index);
                MipChain.Build(tile);
                tail.Take(tile);
                for (var level = 0; level < Math.Min(made.Length, MipChain.TileLevels); level++)
                    Paste(made[level], Math.Max(1, width >> level), tile.Upload, level, MipChain.Place(spec, tile.Rect, level));
            }
            if (made.Length > MipChain.TileLevels)
                PasteTail(made, tail);
            for (var level = 0; level < made.Length; level++)
                Assert.AreEqual(Golden.Sha256(wanted[level], wanted[level].Length), Golden.Sha256(made[level], made[level].Length), $"level {level}");
        }

        static void Paste(byte[] level, int stride, byte[] chain, int number, LevelRect place)
        {
            for (var y = 0; y < place.Height; y++)
                Array.Copy(chain, MipChain.Offset(number) + y * (256 >> number) * 4, level, ((place.Y + y) * stride + place.X) * 4,
                    Math.Max(0, place.Width) * 4);
        }

        static void PasteTail(byte[][] levels, MipTail tail)
        {
            var chain = tail.Build();
            var at = 0;
            for (var level = 0; level < tail.Levels; level++)
            {
                var bytes = tail.LevelWidth(level) * tail.LevelHeight(level) * 4;
                Array.Copy(chain, at, levels[MipChain.TileLevels - 1 + level], 0, bytes);
                at += bytes;
            }
        }

        [Test]
        public void OneColourStaysThatColourOnEveryLevel()
        {
            var spec = Map(256, 256, true);
            for (var value = 0; value < 256; value += value < 16 ? 1 : 15)
            {
                var pixels = new byte[256 * 256 * 4];
                for (var i = 0; i < pixels.Length; i++)
                    pixels[i] = (byte)value;
                var tile = Cut(spec, pixels, 0);
                MipChain.Build(tile);
                Assert.AreEqual(value, tile.Upload[MipChain.Offset(4)], "level 4");
                Assert.AreEqual(value, tile.Upload[MipChain.Offset(8)], "level 8");
            }
        }

        [Test]
        public void BlackAndWhiteMeetInLinearLight()
        {
            // Half the light of white is sRGB 188, not 128 (IEC 61966-2-1).
            var source = new byte[] { 0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 255, 255, 255, 255, 255 };
            var target = new byte[4];
            fixed (byte* from = source, to = target)
            {
                MipChain.Halve(from, 2, 2, 2, to, 1, 1, 1, true);
                CollectionAssert.AreEqual(new byte[] { 188, 188, 188, 255 }, target);
                MipChain.Halve(from, 2, 2, 2, to, 1, 1, 1, false);
                CollectionAssert.AreEqual(new byte[] { 128, 128, 128, 255 }, target);
            }
        }
    }
}
