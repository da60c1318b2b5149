using System;
using Moulage.Core;
using NUnit.Framework;
using UnityEngine;

namespace Moulage.Unity.Tests
{
    /// <summary>
    /// The receiver's textures, on the stub's: after any sequence of transfers and aborts, every level of the texture that is
    /// seen is the one made from the whole map, and no texture is left behind.
    /// </summary>
    [TestFixture]
    public sealed unsafe class AvatarTextureTests
    {
        [TestCase(1024, 512, true)]
        [TestCase(700, 300, true)]
        [TestCase(300, 1100, false)]
        [TestCase(5, 3, true)]
        [TestCase(256, 256, false)]
        public void EveryLevelIsThatOfTheWholeMap(int width, int height, bool srgb)
        {
            var spec = new MapSpec("a", "m", "albedo", width, height, TexelFormat.Rgba8, srgb);
            var handle = new MapHandle(spec);
            var random = new System.Random(width);
            var truth = new byte[width * height * 4];
            var before = Texture2D.Alive;
            using (var textures = new AvatarTextures())
            {
                var target = (AvatarTextureTarget)((ITextureSink)textures).Create(spec);
                var map = new MapTexture(spec, target);
                for (var transfer = 0; transfer < 8; transfer++)
                {
                    var next = (byte[])truth.Clone();
                    map.Open();
                    for (var i = random.Next(4); i > 0; i--)
                        map.Upload(Tile(textures, handle, next, random));
                    if (transfer % 3 == 1)
                    {
                        map.Abort();
                    }
                    else
                    {
                        while (map.RestoreNext())
                        {
                        }
                        map.Show();
                        truth = next;
                    }
                    if (map.WasShown)
                        AssertLevels(spec, truth, target.Texture);
                }
                target.Dispose();
            }
            Assert.AreEqual(before, Texture2D.Alive);
        }

        [Test]
        public void WhatTheGpuCannotHoldIsRefusedWithTheReason()
        {
            using (var textures = new AvatarTextures())
            {
                var spec = new MapSpec("a", "m", "albedo", 16384, 4, TexelFormat.Rgba8, true);
                var fault = Assert.Throws<NotSupportedException>(() => ((ITextureSink)textures).Create(spec));
                StringAssert.Contains("8192", fault.Message);
            }
        }

        /// <summary>A tile of noise, laid on pixels too.</summary>
        static TileBuffer Tile(AvatarTextures textures, MapHandle handle, byte[] pixels, System.Random random)
        {
            var spec = handle.Spec;
            var tile = new TileBuffer { Map = handle, Rect = spec.Tile(random.Next(spec.TileCount)) };
            random.NextBytes(tile.Raw);
            for (var y = 0; y < tile.Rect.Height; y++)
                Array.Copy(tile.Raw, y * tile.Rect.Width * 4, pixels, ((tile.Rect.Y + y) * spec.Width + tile.Rect.X) * 4, tile.Rect.Width * 4);
            textures.Prepare(tile);
            return tile;
        }

        static void AssertLevels(MapSpec spec, byte[] pixels, Texture2D texture)
        {
            var level = new byte[pixels.Length];
            for (var y = 0; y < spec.Height; y++)
                Array.Copy(pixels, y * spec.Width * 4, level, (spec.Height - 1 - y) * spec.Width * 4, spec.Width * 4);
            for (var number = 0; ; number++)
            {
                Assert.IsTrue(Equal(level, texture.Level(number)), $"level {number} of {spec}");
                if (number + 1 == texture.mipmapCount)
                    return;
                var below = new byte[texture.LevelWidth(number + 1) * texture.LevelHeight(number + 1) * 4];
                fixed (byte* from = level, to = below)
                    MipChain.Halve(from, texture.LevelWidth(number), texture.LevelWidth(number), texture.LevelHeight(number),
                        to, texture.LevelWidth(number + 1), texture.LevelWidth(number + 1), texture.LevelHeight(number + 1), spec.Srgb);
                level = below;
            }
        }

        static bool Equal(byte[] one, byte[] other)
        {
            for (var i = 0; i < one.Length; i++)
                if (one[i] != other[i])
                    return false;
            return one.Length == other.Length;
        }
    }
}
