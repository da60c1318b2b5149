using System;
using System.Diagnostics;
using System.IO;
using System.Threading;
using Moulage.Core;
using Moulage.Transports;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>The transport on the real libzmq: it wakes, it refuses, and it leaves nothing behind.</summary>
    [TestFixture]
    public sealed class LibZmqTransportTests
    {
        const string Nobody = "tcp://127.0.0.1:9";

        [Test]
        public void AWaitIsEndedFromAnotherThread()
        {
            using (var transport = new LibZmqTransport())
            {
                transport.Open(Nobody, null);
                var message = new Message();
                string reason;
                for (var round = 0; round < 50; round++)
                {
                    var clock = Stopwatch.StartNew();
                    ThreadPool.QueueUserWorkItem(_ => transport.Wake());
                    Assert.AreEqual(Arrival.Woken, transport.Wait(20000, message, out reason));
                    Assert.Less(clock.ElapsedMilliseconds, 10000);
                }
                Assert.AreEqual(Arrival.Nothing, transport.Wait(0, message, out reason));
            }
        }

        [TestCase("nowhere")]
        [TestCase("tcp://127.0.0.1")]
        [TestCase("udp-ish://127.0.0.1:5")]
        public void ABadEndpointIsNamed(string endpoint)
        {
            using (var transport = new LibZmqTransport())
            {
                var fault = Assert.Throws<TransportException>(() => transport.Open(endpoint, null));
                StringAssert.Contains(endpoint, fault.Message);
                transport.Open(Nobody, null);
            }
        }

        [Test]
        public void ALinkThatEndsLeavesNoThreadAndNoSocket()
        {
            RunLinks(3);
            var threads = Count("/proc/self/task");
            var files = Count("/proc/self/fd");
            if (threads == 0)
                Assert.Ignore("there is no /proc to count in");
            RunLinks(25);
            // A thread that was joined may be listed for a moment longer.
            for (var clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < 5000;)
            {
                if (Count("/proc/self/task") <= threads && Count("/proc/self/fd") <= files)
                    break;
                Thread.Sleep(20);
            }
            Assert.LessOrEqual(Count("/proc/self/task"), threads);
            Assert.LessOrEqual(Count("/proc/self/fd"), files);
        }

        static void RunLinks(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var mirror = new SceneMirror(new LinkOptions { Endpoint = Nobody }, new LibZmqTransport(), new CpuTextures());
                if (i % 5 == 0)
                {
                    // A scene that never started has a transport to give back, too.
                    mirror.Dispose();
                    continue;
                }
                mirror.Start();
                Thread.Sleep(i % 4);
                mirror.Tick();
                var clock = Stopwatch.StartNew();
                mirror.Dispose();
                Assert.Less(clock.ElapsedMilliseconds, 2000);
            }
        }

        static int Count(string folder) =>
            Directory.Exists(folder) ? Directory.GetFileSystemEntries(folder).Length : 0;
    }
}
