using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>The golden sessions, played to the whole client: it says what it must say, and shows what it must show.</summary>
    [TestFixture]
    public sealed class SessionTests
    {
        static Dictionary<string, object> Session(string name)
        {
            foreach (var entry in Golden.Entries("sessions"))
                if ((string)entry["name"] == name)
                    return entry;
            throw new ArgumentException(name);
        }

        /// <summary>Plays sessions after each other to one client; the revisions it showed, as the golden index has them.</summary>
        static List<string> Play(List<Dictionary<string, object>> sessions, out ScriptedTransport transport)
        {
            transport = new ScriptedTransport(sessions.ConvertAll(Golden.Messages));
            var shown = new List<string>();
            var options = new LinkOptions { Name = "golden", MemoryLimit = (1L << 30) - 1, BudgetMs = 2 };
            using (var mirror = new SceneMirror(options, transport, new CpuTextures()))
            {
                mirror.Shown += args => shown.Add(Describe(args));
                mirror.Start();
                var clock = Stopwatch.StartNew();
                while (!transport.IsOver && transport.Byes.Count == 0 && clock.ElapsedMilliseconds < 20000)
                {
                    mirror.Tick();
                    Thread.Sleep(1);
                }
                mirror.Tick();
            }
            return shown;
        }

        static string Describe(ShownEventArgs args)
        {
            var maps = new List<string>();
            foreach (var map in args.Maps)
                maps.Add($"{map.Spec} {Golden.Sha256((CpuTexture)map.Target)}");
            maps.Sort(string.CompareOrdinal);
            var document = System.Text.Encoding.UTF8.GetString(args.Revision.Document);
            return $"{args.Revision.Number} {document} {string.Join(", ", maps.ToArray())}";
        }

        static string Describe(object expected)
        {
            var shown = (Dictionary<string, object>)expected;
            var maps = new List<string>();
            foreach (Dictionary<string, object> map in (List<object>)shown["maps"])
                maps.Add($"{Golden.Spec(map)} {map["sha256"]}");
            maps.Sort(string.CompareOrdinal);
            return $"{shown["revision"]} {shown["data"]} {string.Join(", ", maps.ToArray())}";
        }

        [Test]
        public void JoinResumeAndANewEpochShowTheGoldenStates()
        {
            var sessions = new List<Dictionary<string, object>> { Session("join"), Session("resume"), Session("new-epoch") };
            var wanted = new List<string>();
            foreach (var session in sessions)
                foreach (var shown in (List<object>)session["shown"])
                    wanted.Add(Describe(shown));
            ScriptedTransport transport;
            var seen = Play(sessions, out transport);
            CollectionAssert.IsEmpty(transport.Surprises);
            CollectionAssert.AreEqual(wanted, seen);
            Assert.IsTrue(transport.IsOver);
        }

        [Test]
        public void AServerWithoutMapsIsShownToo()
        {
            ScriptedTransport transport;
            var seen = Play(new List<Dictionary<string, object>> { Session("empty") }, out transport);
            CollectionAssert.AreEqual(new[] { Describe(((List<object>)Session("empty")["shown"])[0]) }, seen);
            CollectionAssert.IsEmpty(transport.Surprises);
        }

        [Test]
        public void BadSessionsEndWithTheGoldenCodeAndShowNothing()
        {
            var refused = 0;
            foreach (var session in Golden.Entries("sessions"))
            {
                var codes = (List<object>)session["refused"];
                if (codes.Count == 0)
                    continue;
                ScriptedTransport transport;
                var seen = Play(new List<Dictionary<string, object>> { session }, out transport);
                Assert.AreEqual(1, transport.Byes.Count, (string)session["name"]);
                CollectionAssert.Contains(codes, transport.Byes[0], (string)session["name"]);
                CollectionAssert.IsEmpty(seen, (string)session["name"]);
                refused++;
            }
            Assert.GreaterOrEqual(refused, 30);
        }

        [Test]
        public void ABadSessionLeavesTheShownStateAndTheNextOneContinuesFromIt()
        {
            // join, then a session that breaks off in the middle of a transfer, then resume: as if the second had never been.
            var join = Session("join");
            var broken = Golden.Messages(Session("resume"));
            broken.RemoveRange(broken.Count - 2, 2);
            var transport = new ScriptedTransport(new[] { Golden.Messages(join), broken, Golden.Messages(Session("resume")) });
            var shown = new List<string>();
            using (var mirror = new SceneMirror(new LinkOptions { Name = "golden" }, transport, new CpuTextures()))
            {
                mirror.Shown += args => shown.Add(Describe(args));
                mirror.Start();
                var clock = Stopwatch.StartNew();
                while (!transport.IsOver && clock.ElapsedMilliseconds < 20000)
                {
                    mirror.Tick();
                    Thread.Sleep(1);
                }
            }
            CollectionAssert.IsEmpty(transport.Surprises);
            Assert.AreEqual(4, shown.Count);
            Assert.AreEqual(shown[2], shown[3]);
        }

        [Test]
        public void DamagedSessionsEndInWordsNeverInAFault()
        {
            var random = new Random(17);
            var joins = Golden.Messages(Session("join"));
            for (var round = 0; round < 1000; round++)
            {
                var damaged = Damage(joins, random);
                var transport = new ScriptedTransport(new[] { damaged });
                var details = new List<string>();
                using (var mirror = new SceneMirror(new LinkOptions { Name = "golden" }, transport, new CpuTextures()))
                {
                    mirror.StateChanged += (state, detail) => details.Add(detail);
                    mirror.Start();
                    var clock = Stopwatch.StartNew();
                    while (details.FindAll(detail => detail.Length > 0).Count == 0)
                    {
                        mirror.Tick();
                        Assert.Less(clock.ElapsedMilliseconds, 10000, $"round {round} hangs");
                        Thread.Sleep(0);
                    }
                }
                foreach (var detail in details)
                    Assert.IsFalse(detail.StartsWith("internal") || detail.StartsWith("the link stopped"), $"round {round}: {detail}");
            }
        }

        /// <summary>The session with some messages lost, doubled, swapped, cut or changed.</summary>
        static List<GoldenMessage> Damage(List<GoldenMessage> session, Random random)
        {
            // What the client said stays, so that the record goes on; an end without an answer is as good as any.
            var damaged = session.FindAll(message => !message.ToServer);
            for (var i = random.Next(1, 4); i > 0; i--)
            {
                var at = random.Next(damaged.Count);
                switch (random.Next(5))
                {
                    case 0:
                        damaged.RemoveAt(at);
                        break;
                    case 1:
                        damaged.Insert(random.Next(damaged.Count), damaged[at]);
                        break;
                    case 2:
                        damaged[at] = Changed(damaged[at], random, frame => Cut(frame, random.Next(frame.Length + 1)));
                        break;
                    default:
                        damaged[at] = Changed(damaged[at], random, frame => Flip(frame, random));
                        break;
                }
            }
            return damaged;
        }

        static GoldenMessage Changed(GoldenMessage message, Random random, Func<byte[], byte[]> change)
        {
            var frames = (byte[][])message.Frames.Clone();
            var index = random.Next(frames.Length);
            frames[index] = change(frames[index]);
            return new GoldenMessage { Frames = frames };
        }

        static byte[] Cut(byte[] frame, int length)
        {
            var cut = new byte[length];
            Array.Copy(frame, cut, length);
            return cut;
        }

        static byte[] Flip(byte[] frame, Random random)
        {
            var flipped = (byte[])frame.Clone();
            if (flipped.Length > 0)
                flipped[random.Next(Math.Min(flipped.Length, 64))] ^= (byte)(1 << random.Next(8));
            return flipped;
        }
    }
}
