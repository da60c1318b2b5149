using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using AsyncIO;
using Moulage.Core;
using NetMQ;
using NetMQ.Sockets;
using UnityEngine;
using UnityEngine.Scripting;

// Nothing refers to this assembly: without this, IL2CPP's linker would leave it out of players.
[assembly: AlwaysLinkAssembly]

namespace Moulage.Transports
{
    /// <summary>
    /// ZeroMQ by NetMQ, which is all C#: wherever Unity runs, IL2CPP headsets included, without a native plug-in. Slower than
    /// libzmq, and each frame it receives is an array for the garbage collector.
    /// </summary>
    public sealed unsafe class NetMqTransport : ITransport
    {
        const int MaxFrameBytes = 4194304;

        static readonly object Counting = new object();
        static readonly byte[] Nothing = new byte[0];
        static int _alive;

        readonly object _wakeLock = new object();
        readonly NetMQSelector _selector = new NetMQSelector();
        readonly NetMQSelector.Item[] _items = new NetMQSelector.Item[2];
        readonly List<GCHandle> _pins = new List<GCHandle>();
        PairSocket _wakeSender, _wakeReceiver;
        DealerSocket _socket;
        bool _wakePending, _disposed;

        public NetMqTransport()
        {
            lock (Counting)
            {
                // Unity's sockets lack the completion ports that NetMQ takes otherwise.
                ForceDotNet.Force();
                _alive++;
            }
            PairSocket.CreateSocketPair(out _wakeSender, out _wakeReceiver);
            _items[0] = new NetMQSelector.Item(_wakeReceiver, PollEvents.PollIn);
        }

        public void Open(string endpoint, CurveKeys keys)
        {
            Close(0);
            try
            {
                _socket = new DealerSocket();
                _socket.Options.Linger = TimeSpan.Zero;
                _socket.Options.MaxMsgSize = MaxFrameBytes;
                _socket.Options.SendHighWatermark = 0;
                if (keys != null)
                {
                    _socket.Options.CurveServerKey = keys.ServerPublic;
                    _socket.Options.CurveCertificate = new NetMQCertificate(keys.ClientSecret, keys.ClientPublic);
                }
                _socket.Connect(endpoint);
            }
            catch (Exception fault)
            {
                throw new TransportException($"endpoint '{endpoint}': {fault.Message}");
            }
            _items[1] = new NetMQSelector.Item(_socket, PollEvents.PollIn);
        }

        public void Close(int lingerMs)
        {
            Unpin();
            if (_socket == null)
                return;
            _socket.Options.Linger = TimeSpan.FromMilliseconds(lingerMs);
            _socket.Dispose();
            _socket = null;
        }

        public bool Send(byte[] head, byte[] body, int bodyLength, byte[] tail, int tailLength)
        {
            return _socket.TrySendFrame(head, head.Length, true)
                && _socket.TrySendFrame(body, bodyLength, tailLength > 0)
                && (tailLength == 0 || _socket.TrySendFrame(tail, tailLength, false));
        }

        public Arrival Wait(int milliseconds, Message message, out string reason)
        {
            reason = "";
            Unpin();
            if (TryReceive(message))
                return Arrival.Message;
            _selector.Select(_items, 2, milliseconds);
            if (TryReceive(message))
                return Arrival.Message;
            byte[] nothing;
            if (!_wakeReceiver.TryReceiveFrameBytes(out nothing))
                return Arrival.Nothing;
            lock (_wakeLock)
                _wakePending = false;
            return Arrival.Woken;
        }

        public void Wake()
        {
            lock (_wakeLock)
                if (!_wakePending && !_disposed)
                    _wakePending = _wakeSender.TrySendFrame(Nothing, 0, false);
        }

        public void Dispose()
        {
            if (_disposed)
                return;
            Close(0);
            lock (_wakeLock)
            {
                _disposed = true;
                _wakeSender.Dispose();
                _wakeReceiver.Dispose();
            }
            // NetMQ keeps threads of its own, which would outlive play mode and freeze the editor at its next compilation.
            lock (Counting)
                if (--_alive == 0)
                    NetMQConfig.Cleanup(false);
        }

        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.AfterAssembliesLoaded)]
        static void Register() => TransportCatalogue.Add(TransportKind.NetMq, () => new NetMqTransport());

        bool TryReceive(Message message)
        {
            message.Clear();
            byte[] frame;
            var more = true;
            while (more && _socket.TryReceiveFrameBytes(out frame, out more))
            {
                var pin = GCHandle.Alloc(frame.Length > 0 ? frame : new byte[1], GCHandleType.Pinned);
                _pins.Add(pin);
                message.Add((byte*)pin.AddrOfPinnedObject(), frame.Length);
            }
            return message.Count > 0;
        }

        void Unpin()
        {
            foreach (var pin in _pins)
                pin.Free();
            _pins.Clear();
        }
    }
}
