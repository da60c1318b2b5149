using System;
using System.Collections.Generic;
using System.IO;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>What the cache gives back is the last state that was kept, whole, or nothing.</summary>
    [TestFixture]
    public sealed class DiskCacheTests
    {
        string _folder;

        [SetUp]
        public void MakeFolder()
        {
            _folder = Path.Combine(Path.GetTempPath(), "moulage-cache-" + Guid.NewGuid().ToString("n"));
        }

        [TearDown]
        public void RemoveFolder()
        {
            if (Directory.Exists(_folder))
                Directory.Delete(_folder, true);
        }

        static readonly MapSpec Spec = new MapSpec("anna", "skin", "albedo", 600, 300, TexelFormat.Rgba8, true);

        static HeldState State(long revision)
        {
            var held = new HeldState { Epoch = 77, Revision = revision, Document = new byte[] { 1, 2 } };
            held.DocumentHash = XxHash64.Of(held.Document, 2);
            held.Maps.Add(new MapEntry(4, new MapHandle(Spec), MapEntry.BlankHashes(Spec)));
            return held;
        }

        static void Write(DiskCache cache, HeldState held, int index, byte value)
        {
            var tile = new TileBuffer { Map = held.Maps[0].Handle, Rect = Spec.Tile(index) };
            for (var i = 0; i < tile.RawLength; i++)
                tile.Raw[i] = value;
            var hash = XxHash64.Of(tile.Raw, tile.RawLength);
            held.Maps[0].Stage(index, hash);
            cache.Write(tile, hash);
        }

        static void Commit(DiskCache cache, HeldState held)
        {
            held.Maps[0].Show();
            cache.Commit(held);
        }

        /// <summary>The first byte of every tile that the cache hands out; null where it has no state to give.</summary>
        Dictionary<int, byte> Load(out HeldState held, out string fault)
        {
            held = new HeldState();
            var tiles = new Dictionary<int, byte>();
            string closed;
            using (var cache = DiskCache.Open(_folder, out closed))
            {
                Assert.AreEqual("", closed);
                var revision = cache.Load(held, () => false, tile =>
                {
                    if (tile == null)
                        return new TileBuffer();
                    tiles[tile.Rect.Index] = tile.Raw[0];
                    return null;
                });
                fault = cache.Fault;
                return revision == null ? null : tiles;
            }
        }

        [Test]
        public void TheLastCommittedStateComesBack()
        {
            string fault;
            HeldState loaded;
            var held = State(9);
            using (var cache = DiskCache.Open(_folder, out fault))
            {
                Write(cache, held, 0, 10);
                Write(cache, held, 5, 15);
                Commit(cache, held);
                Write(cache, held, 0, 20);
                Commit(cache, held);
                Write(cache, held, 1, 99);
                cache.Abort();
                held.Maps[0].Forget();
            }
            var tiles = Load(out loaded, out fault);
            Assert.AreEqual(2, tiles.Count);
            Assert.AreEqual(20, tiles[0]);
            Assert.AreEqual(15, tiles[5]);
            Assert.AreEqual(77, loaded.Epoch);
            Assert.AreEqual(9, loaded.Revision);
            Assert.AreEqual(held.DocumentHash, loaded.DocumentHash);
            CollectionAssert.AreEqual(held.Maps[0].Shown, loaded.Maps[0].Shown);
            Assert.IsTrue(loaded.Maps[0].Handle.Spec.Equals(Spec));
        }

        [Test]
        public void SlotsAreUsedAgain()
        {
            string fault;
            var held = State(1);
            using (var cache = DiskCache.Open(_folder, out fault))
            {
                for (var i = 0; i < 50; i++)
                {
                    Write(cache, held, i % 6, (byte)(i + 1));
                    Commit(cache, held);
                }
            }
            Assert.LessOrEqual(new FileInfo(Path.Combine(_folder, "tiles.bin")).Length, 8 * TileBuffer.RawBytes);
            HeldState loaded;
            var tiles = Load(out loaded, out fault);
            for (var i = 44; i < 50; i++)
                Assert.AreEqual(i + 1, tiles[i % 6]);
        }

        [TestCase("tiles.bin", 100)]
        [TestCase("state.bin", 40)]
        [TestCase("state.bin", 5)]
        public void ADamagedCacheGivesNothingAndSaysSo(string file, int at)
        {
            string fault;
            HeldState loaded;
            var held = State(3);
            using (var cache = DiskCache.Open(_folder, out fault))
            {
                Write(cache, held, 0, 10);
                Commit(cache, held);
            }
            var path = Path.Combine(_folder, file);
            var bytes = File.ReadAllBytes(path);
            bytes[at] ^= 1;
            File.WriteAllBytes(path, bytes);
            Assert.IsNull(Load(out loaded, out fault));
            StringAssert.Contains("not used", fault);
            Assert.AreEqual(0, loaded.Maps.Count);
            File.WriteAllBytes(path, new byte[0]);
            Assert.IsNull(Load(out loaded, out fault));
        }

        [Test]
        public void TwoScenesDoNotShareACache()
        {
            string fault;
            using (DiskCache.Open(_folder, out fault))
            {
                string second;
                Assert.IsNull(DiskCache.Open(_folder, out second));
                StringAssert.Contains("no disk cache", second);
            }
        }
    }
}
