using System;
using System.Collections.Generic;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>
    /// Whatever transfers, aborts and restarts come: what is shown is the last whole revision. The target keeps two real
    /// pictures and knows nothing, as a GPU does.
    /// </summary>
    [TestFixture]
    public sealed class MapTextureTests
    {
        sealed class TwoPictures : ITextureTarget
        {
            readonly bool _startsWithZeros;

            public TwoPictures(int tiles, bool startsWithZeros)
            {
                _startsWithZeros = startsWithZeros;
                Tiles = tiles;
            }

            public readonly int Tiles;
            public int[] Front, Back;
            public int Restored;

            public bool PrepareBack()
            {
                if (Back != null)
                    return false;
                Back = new int[Tiles];
                for (var i = 0; i < Tiles; i++)
                    Back[i] = Front != null ? Front[i] : _startsWithZeros ? 0 : -7;
                return Front != null || _startsWithZeros;
            }

            public void Upload(TileBuffer tile) => Back[tile.Rect.Index] = tile.Raw[0];

            public void Restore(TileRect rect)
            {
                Back[rect.Index] = Front == null ? 0 : Front[rect.Index];
                Restored++;
            }

            public void Show()
            {
                var old = Front;
                Front = Back;
                Back = old;
            }

            public void Dispose()
            {
            }
        }

        [TestCase(true)]
        [TestCase(false)]
        public void WhatIsShownIsTheLastWholeRevision(bool startsWithZeros)
        {
            var random = new Random(3);
            var tile = new TileBuffer();
            for (var round = 0; round < 200; round++)
            {
                var spec = new MapSpec("a", "m", "albedo", 256 * 4, 256 * 3, TexelFormat.Rgba8, true);
                var handle = new MapHandle(spec);
                var target = new TwoPictures(spec.TileCount, startsWithZeros);
                var texture = new MapTexture(spec, target);
                var truth = new int[spec.TileCount];
                for (var transfer = 0; transfer < 12; transfer++)
                {
                    var next = (int[])truth.Clone();
                    texture.Open();
                    for (var i = random.Next(8); i > 0; i--)
                    {
                        tile.Map = handle;
                        tile.Rect = spec.Tile(random.Next(spec.TileCount));
                        tile.Raw[0] = (byte)random.Next(1, 200);
                        next[tile.Rect.Index] = tile.Raw[0];
                        texture.Upload(tile);
                    }
                    if (random.Next(3) == 0)
                    {
                        texture.Abort();
                        if (target.Front != null)
                            CollectionAssert.AreEqual(truth, target.Front);
                        continue;
                    }
                    while (texture.RestoreNext())
                    {
                    }
                    texture.Show();
                    truth = next;
                    CollectionAssert.AreEqual(truth, target.Front);
                }
            }
        }

        [Test]
        public void OnlyTilesThatTheLastRevisionWroteAreRestored()
        {
            var spec = new MapSpec("a", "m", "albedo", 256 * 16, 256 * 16, TexelFormat.Rgba8, true);
            var handle = new MapHandle(spec);
            var target = new TwoPictures(spec.TileCount, true);
            var texture = new MapTexture(spec, target);
            for (var revision = 0; revision < 4; revision++)
            {
                texture.Open();
                target.Restored = 0;
                texture.Upload(new TileBuffer { Map = handle, Rect = spec.Tile(revision) });
                while (texture.RestoreNext())
                {
                }
                texture.Show();
                if (revision >= 2)
                    Assert.AreEqual(1, target.Restored);
            }
        }
    }

    /// <summary>The queue and the pool between the two threads.</summary>
    [TestFixture]
    public sealed class WorkQueueTests
    {
        [Test]
        public void AnAbortTakesBackTheTilesOfTheUnfinishedTransferOnly()
        {
            var pool = new TilePool(300);
            var queue = new WorkQueue();
            for (var i = 0; i < 200; i++)
                queue.Add(new WorkItem { Type = WorkItem.Kind.Tile, Tile = pool.Rent() });
            queue.Add(new WorkItem { Type = WorkItem.Kind.Complete, Revision = new Revision() });
            queue.Add(new WorkItem { Type = WorkItem.Kind.State, Detail = "kept" });
            for (var i = 0; i < 50; i++)
                queue.Add(new WorkItem { Type = WorkItem.Kind.Tile, Tile = pool.Rent() });
            queue.Abort(pool);
            Assert.AreEqual(100, pool.Restart());
            var kinds = new List<WorkItem.Kind>();
            WorkItem item;
            while (queue.TryTake(out item))
                kinds.Add(item.Type);
            Assert.AreEqual(203, kinds.Count);
            Assert.AreEqual(200, kinds.FindAll(kind => kind == WorkItem.Kind.Tile).Count);
            Assert.AreEqual(WorkItem.Kind.Complete, kinds[200]);
            Assert.AreEqual(WorkItem.Kind.State, kinds[201]);
            Assert.AreEqual(WorkItem.Kind.Abort, kinds[202]);
        }

        [Test]
        public void ThePoolNeverMakesMoreThanItsCapacity()
        {
            var pool = new TilePool(3);
            var rented = new[] { pool.Rent(), pool.Rent(), pool.Rent() };
            Assert.IsNull(pool.Rent());
            pool.Return(rented[0]);
            pool.Return(rented[1]);
            Assert.AreEqual(2, pool.TakeReturned());
            Assert.AreEqual(0, pool.TakeReturned());
            Assert.AreEqual(2, pool.Restart());
            Assert.AreSame(rented[1], pool.Rent());
        }
    }
}
