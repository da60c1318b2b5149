using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>What the main thread spends on a frame, and what is left of a map whose texture can't be made.</summary>
    [TestFixture]
    public sealed class SceneMirrorTests
    {
        /// <summary>Textures that take a while, as a GPU does, and count.</summary>
        sealed class SlowTextures : ITextureSink
        {
            public int UploadMs, Uploads, Alive;
            public string Fails = "";
            public readonly HashSet<int> Threads = new HashSet<int>();

            public void Prepare(TileBuffer tile)
            {
            }

            public ITextureTarget Create(MapSpec spec)
            {
                if (spec.Map == Fails)
                    throw new NotSupportedException("too large for this GPU");
                Alive++;
                return new SlowTexture(this, new CpuTexture(spec, new SpareTiles()));
            }
        }

        sealed class SlowTexture : ITextureTarget
        {
            readonly SlowTextures _all;
            readonly ITextureTarget _texture;

            public SlowTexture(SlowTextures all, ITextureTarget texture)
            {
                _all = all;
                _texture = texture;
            }

            public bool PrepareBack() => _texture.PrepareBack();

            public void Upload(TileBuffer tile)
            {
                _all.Uploads++;
                _all.Threads.Add(Thread.CurrentThread.ManagedThreadId);
                var clock = Stopwatch.StartNew();
                while (clock.Elapsed.TotalMilliseconds < _all.UploadMs)
                {
                }
                _texture.Upload(tile);
            }

            public void Restore(TileRect rect) => _texture.Restore(rect);

            public void Show()
            {
                _all.Threads.Add(Thread.CurrentThread.ManagedThreadId);
                _texture.Show();
            }

            public void Dispose()
            {
                _all.Alive--;
                _texture.Dispose();
            }
        }

        static ScriptedTransport Join()
        {
            foreach (var entry in Golden.Entries("sessions"))
                if ((string)entry["name"] == "join")
                    return new ScriptedTransport(new[] { Golden.Messages(entry) });
            throw new ArgumentException("join");
        }

        /// <summary>Ticks until the record is over; what every Tick uploaded.</summary>
        static List<int> Run(SceneMirror mirror, ScriptedTransport transport, SlowTextures textures)
        {
            var uploads = new List<int>();
            mirror.Start();
            for (var clock = Stopwatch.StartNew(); !transport.IsOver && clock.ElapsedMilliseconds < 20000;)
            {
                var before = textures.Uploads;
                mirror.Tick();
                uploads.Add(textures.Uploads - before);
                Thread.Sleep(1);
            }
            return uploads;
        }

        [TestCase(4, 1.0, 1)]
        [TestCase(4, 0.0, 1)]
        [TestCase(3, 8.0, 3)]
        public void AFrameTakesItsBudgetAndOneTile(int uploadMs, double budgetMs, int most)
        {
            var textures = new SlowTextures { UploadMs = uploadMs };
            var transport = Join();
            using (var mirror = new SceneMirror(new LinkOptions { Name = "golden", BudgetMs = budgetMs }, transport, textures))
            {
                var uploads = Run(mirror, transport, textures);
                Assert.AreEqual(3, transport.Acknowledged);
                Assert.Greater(textures.Uploads, 4);
                foreach (var count in uploads)
                    Assert.LessOrEqual(count, most);
            }
        }

        [Test]
        public void TexturesAreTouchedByTheMainThreadOnlyAndAllGivenBack()
        {
            var textures = new SlowTextures();
            var transport = Join();
            using (var mirror = new SceneMirror(new LinkOptions { Name = "golden" }, transport, textures))
            {
                Run(mirror, transport, textures);
                Assert.Greater(textures.Alive, 0);
                CollectionAssert.AreEqual(new[] { Thread.CurrentThread.ManagedThreadId }, textures.Threads);
            }
            Assert.AreEqual(0, textures.Alive);
        }

        [Test]
        public void AMapWithoutATextureIsReportedAndTheOthersAreShown()
        {
            var textures = new SlowTextures { Fails = "instance" };
            var transport = Join();
            var shown = 0;
            using (var mirror = new SceneMirror(new LinkOptions { Name = "golden" }, transport, textures))
            {
                mirror.Shown += args => shown++;
                Run(mirror, transport, textures);
                Assert.AreEqual(3, shown);
                Assert.IsNull(new List<MapTexture>(mirror.Maps).Find(map => map.Spec.Map == "instance").Target);
                Assert.IsNotNull(new List<MapTexture>(mirror.Maps).Find(map => map.Spec.Map == "albedo").Target);
            }
            // The first ACK says why; the record has none there.
            Assert.AreEqual(1, transport.Surprises.Count);
            StringAssert.Contains("too large for this GPU", transport.Surprises[0]);
        }

        [Test]
        public void ItEndsAtOnceWhateverItWaitsFor()
        {
            for (var round = 0; round < 5; round++)
            {
                var transport = Join();
                var mirror = new SceneMirror(new LinkOptions { Name = "golden" }, transport, new CpuTextures());
                mirror.Start();
                Thread.Sleep(round * 7);
                var clock = Stopwatch.StartNew();
                mirror.Dispose();
                Assert.Less(clock.ElapsedMilliseconds, 2000);
            }
        }
    }
}
