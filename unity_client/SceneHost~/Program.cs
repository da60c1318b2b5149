using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;
using Moulage.Core;
using Moulage.Transports;

namespace Moulage.SceneHost
{
    /// <summary>
    /// A scene without a renderer: the receiver of the package in a 90 Hz main loop, with textures in main memory. Tests,
    /// benchmarks and the demonstration use it; docs/scene-host.md is its contract.
    /// </summary>
    sealed class Program
    {
        const double FrameMs = 1000.0 / 90;

        readonly HostOptions _options;
        readonly HostReport _report;
        readonly SceneMirror _mirror;
        readonly Queue<string> _commands = new Queue<string>();
        readonly List<Revision> _news = new List<Revision>();
        readonly Stopwatch _clock = Stopwatch.StartNew();
        Revision _shown = new Revision { Document = new byte[0] };
        long _frames, _tiles, _bytes;
        double _appliedMs;
        int _gen0;
        bool _received;

        Program(HostOptions options, TextWriter output)
        {
            _options = options;
            _report = new HostReport(output, options.Json);
            _mirror = new SceneMirror(options.Link, new LibZmqTransport(), new CpuTextures());
            _mirror.StateChanged += _report.State;
            _mirror.Shown += OnShown;
        }

        static int Main(string[] arguments)
        {
            try
            {
                var options = HostOptions.Read(arguments);
                var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
                return new Program(options, output).Run();
            }
            catch (FormatException fault)
            {
                Console.Error.WriteLine($"SceneHost: {fault.Message}");
                return 2;
            }
            catch (TransportException fault)
            {
                Console.Error.WriteLine($"SceneHost: {fault.Message}");
                return 1;
            }
        }

        int Run()
        {
            // With --once nobody need hold standard input open.
            if (_options.Serve)
                new Thread(ReadCommands) { IsBackground = true }.Start();
            _gen0 = GC.CollectionCount(0);
            _mirror.Start();
            try
            {
                return Loop();
            }
            finally
            {
                _mirror.Dispose();
            }
        }

        int Loop()
        {
            var next = _clock.Elapsed.TotalMilliseconds;
            while (_clock.Elapsed.TotalSeconds < _options.Seconds)
            {
                _mirror.Tick();
                _frames++;
                foreach (var revision in _news)
                    _report.Shown(revision, _appliedMs);
                _news.Clear();
                var goesOn = Obey();
                if (_options.Once && _received)
                {
                    _report.Hashes(_shown, _mirror.Maps);
                    goesOn = false;
                }
                _report.Flush();
                if (!goesOn)
                    return 0;
                next = Math.Max(next + FrameMs, _clock.Elapsed.TotalMilliseconds - FrameMs);
                var left = next - _clock.Elapsed.TotalMilliseconds;
                if (left > 0)
                    Thread.Sleep(TimeSpan.FromMilliseconds(left));
            }
            if (_options.Serve)
                return 0;
            var status = _mirror.Status;
            var why = status.Detail.Length > 0 ? status.Detail : status.State.ToString().ToLowerInvariant();
            Console.Error.WriteLine($"SceneHost: no revision within {_options.Seconds} s from {_options.Link.Endpoint} ({why})");
            return 1;
        }

        /// <summary>Answers what standard input asked since the last frame; false to end.</summary>
        bool Obey()
        {
            while (true)
            {
                string command;
                lock (_commands)
                {
                    if (_commands.Count == 0)
                        return true;
                    command = _commands.Dequeue();
                }
                switch (command)
                {
                    case "quit":
                        return false;
                    case "hashes":
                        _report.Hashes(_shown, _mirror.Maps);
                        break;
                    case "stats":
                        Stats();
                        break;
                }
            }
        }

        void Stats()
        {
            var status = _mirror.Status;
            var gen0 = GC.CollectionCount(0);
            _report.Stats(_frames, status.TilesReceived - _tiles, status.BytesReceived - _bytes, gen0 - _gen0,
                _mirror, _options.Link.BudgetMs);
            _frames = 0;
            _tiles = status.TilesReceived;
            _bytes = status.BytesReceived;
            _gen0 = GC.CollectionCount(0);
            _mirror.ResetSlices();
        }

        void OnShown(ShownEventArgs shown)
        {
            _shown = shown.Revision;
            _received |= !shown.Revision.Cached;
            _appliedMs = shown.AppliedMs;
            _news.Add(shown.Revision);
        }

        void ReadCommands()
        {
            string line;
            while ((line = Console.In.ReadLine()) != null)
                lock (_commands)
                    _commands.Enqueue(line.Trim());
            lock (_commands)
                _commands.Enqueue("quit");
        }
    }
}
