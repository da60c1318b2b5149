using System;
using System.Runtime.InteropServices;
using System.Text;
using Moulage.Core;

namespace Moulage.Transports
{
    /// <summary>
    /// ZeroMQ by the native libzmq: messages are read where libzmq received them, nothing is copied or allocated. Owns its
    /// context; Dispose leaves no native memory behind.
    /// </summary>
    public sealed unsafe class LibZmqTransport : ITransport
    {
        const long MaxFrameBytes = 4194304;
        const int WakeUp = 0, Monitor = 1, Socket = 2, PollItems = 3;

        static readonly byte[] WakeEndpoint = Ascii("inproc://wake");

        // zmq_pollitem_t: void* socket, then a file descriptor, which Windows makes as wide as a pointer, then two shorts.
        static readonly int DescriptorBytes = Environment.OSVersion.Platform == PlatformID.Win32NT ? IntPtr.Size : 4;
        static readonly int PollItemBytes =
            (IntPtr.Size + DescriptorBytes + 4 + IntPtr.Size - 1) / IntPtr.Size * IntPtr.Size;

        readonly object _wakeLock = new object();
        IntPtr _context, _wakeSender, _wakeReceiver, _socket, _monitor;
        byte* _memory, _frames, _items;
        int _openFrames, _monitorNumber;
        bool _wakePending;

        public LibZmqTransport()
        {
            try
            {
                _context = LibZmq.zmq_ctx_new();
            }
            catch (Exception fault) when (fault is DllNotFoundException || fault is BadImageFormatException
                || fault is EntryPointNotFoundException)
            {
                throw new TransportException("the native library libzmq was not found, or is of another platform: put it into the "
                    + $"project as a plug-in, or use NetMQ instead ({fault.Message})");
            }
            var frameBytes = LibZmq.MessageStructBytes * (Message.MaxFrames + 1);
            _memory = (byte*)Marshal.AllocHGlobal(frameBytes + PollItemBytes * PollItems);
            _frames = _memory;
            _items = _memory + frameBytes;
            for (var i = 0; i < PollItemBytes * PollItems; i++)
                _items[i] = 0;
            _wakeReceiver = NewSocket(LibZmq.Pair);
            _wakeSender = NewSocket(LibZmq.Pair);
            Check(LibZmq.zmq_bind(_wakeReceiver, WakeEndpoint), "inproc");
            Check(LibZmq.zmq_connect(_wakeSender, WakeEndpoint), "inproc");
            SetPollItem(WakeUp, _wakeReceiver);
        }

        public void Open(string endpoint, CurveKeys keys)
        {
            Close(0);
            _socket = NewSocket(LibZmq.Dealer);
            SetOption(LibZmq.MaxMessageSize, MaxFrameBytes);
            // What is sent is bounded by the protocol; a full queue would only break HELLO with very many maps.
            SetOption(LibZmq.SendHighWater, 0);
            SetOption(LibZmq.IPv6, 1);
            if (keys != null)
            {
                if (LibZmq.zmq_has(Ascii("curve")) == 0)
                    throw new TransportException("this libzmq was built without CURVE; a server with keys needs it");
                SetOption(LibZmq.CurveServerKey, keys.ServerPublic);
                SetOption(LibZmq.CurvePublicKey, keys.ClientPublic);
                SetOption(LibZmq.CurveSecretKey, keys.ClientSecret);
            }
            var events = LibZmq.EventDisconnected | LibZmq.EventHandshakeNoDetail | LibZmq.EventHandshakeProtocol
                | LibZmq.EventHandshakeAuth;
            var address = Ascii($"inproc://monitor-{_monitorNumber++}");
            Check(LibZmq.zmq_socket_monitor(_socket, address, events), "monitor");
            _monitor = NewSocket(LibZmq.Pair);
            Check(LibZmq.zmq_connect(_monitor, address), "monitor");
            Check(LibZmq.zmq_connect(_socket, Ascii(endpoint)), $"endpoint '{endpoint}'");
            SetPollItem(Socket, _socket);
            SetPollItem(Monitor, _monitor);
        }

        public void Close(int lingerMs)
        {
            CloseFrames();
            if (_socket != IntPtr.Zero)
            {
                SetOption(LibZmq.Linger, lingerMs);
                LibZmq.zmq_socket_monitor(_socket, null, 0);
                LibZmq.zmq_close(_socket);
            }
            if (_monitor != IntPtr.Zero)
                LibZmq.zmq_close(_monitor);
            _socket = _monitor = IntPtr.Zero;
        }

        public bool Send(byte[] head, byte[] body, int bodyLength, byte[] tail, int tailLength)
        {
            return SendFrame(head, head.Length, LibZmq.SendMore)
                && SendFrame(body, bodyLength, tailLength > 0 ? LibZmq.SendMore : 0)
                && (tailLength == 0 || SendFrame(tail, tailLength, 0));
        }

        public Arrival Wait(int milliseconds, Message message, out string reason)
        {
            reason = "";
            CloseFrames();
            if (TryReceive(message))
                return Arrival.Message;
            if (LibZmq.zmq_poll(_items, PollItems, (IntPtr)milliseconds) <= 0)
                return Arrival.Nothing;
            // Messages first: the last word of a server that left still counts.
            if (IsReady(Socket) && TryReceive(message))
                return Arrival.Message;
            if (IsReady(Monitor))
            {
                reason = ReadEvent();
                return Arrival.Lost;
            }
            if (IsReady(WakeUp))
            {
                Drain(_wakeReceiver);
                lock (_wakeLock)
                    _wakePending = false;
                return Arrival.Woken;
            }
            return Arrival.Nothing;
        }

        public void Wake()
        {
            lock (_wakeLock)
            {
                if (_wakePending || _wakeSender == IntPtr.Zero)
                    return;
                byte nothing = 0;
                _wakePending = LibZmq.zmq_send(_wakeSender, &nothing, UIntPtr.Zero, LibZmq.DontWait) >= 0;
            }
        }

        public void Dispose()
        {
            if (_context == IntPtr.Zero)
                return;
            Close(0);
            lock (_wakeLock)
            {
                LibZmq.zmq_close(_wakeSender);
                _wakeSender = IntPtr.Zero;
            }
            LibZmq.zmq_close(_wakeReceiver);
            LibZmq.zmq_ctx_term(_context);
            _context = IntPtr.Zero;
            Marshal.FreeHGlobal((IntPtr)_memory);
            _memory = null;
        }

        bool TryReceive(Message message)
        {
            message.Clear();
            if (!ReceiveFrame(message))
                return false;
            // libzmq hands a message over when all its frames are there. The first three stay open, for no message has more.
            while (LibZmq.zmq_msg_more(Frame(message.Count - 1)) != 0 && ReceiveFrame(message))
            {
            }
            return true;
        }

        bool ReceiveFrame(Message message)
        {
            var frame = Frame(message.Count);
            if (message.Count > Message.MaxFrames)
                LibZmq.zmq_msg_close(frame);
            LibZmq.zmq_msg_init(frame);
            _openFrames = Math.Max(_openFrames, Math.Min(message.Count, Message.MaxFrames) + 1);
            if (LibZmq.zmq_msg_recv(frame, _socket, LibZmq.DontWait) < 0)
                return false;
            message.Add((byte*)LibZmq.zmq_msg_data(frame), (int)LibZmq.zmq_msg_size(frame));
            return true;
        }

        byte* Frame(int index) => _frames + LibZmq.MessageStructBytes * Math.Min(index, Message.MaxFrames);

        void CloseFrames()
        {
            for (; _openFrames > 0; _openFrames--)
                LibZmq.zmq_msg_close(Frame(_openFrames - 1));
        }

        bool SendFrame(byte[] data, int length, int flags)
        {
            fixed (byte* start = data)
                return LibZmq.zmq_send(_socket, start, (UIntPtr)length, flags | LibZmq.DontWait) >= 0;
        }

        /// <summary>The event is the first 16 bits of the monitor's first frame.</summary>
        string ReadEvent()
        {
            var frame = Frame(Message.MaxFrames);
            LibZmq.zmq_msg_init(frame);
            var kind = 0;
            if (LibZmq.zmq_msg_recv(frame, _monitor, LibZmq.DontWait) >= 2)
                kind = *(ushort*)LibZmq.zmq_msg_data(frame);
            LibZmq.zmq_msg_close(frame);
            Drain(_monitor);
            return kind == LibZmq.EventDisconnected ? "the connection was closed"
                : "the server refused the handshake: wrong keys, no keys, or keys for a server that has none";
        }

        void Drain(IntPtr socket)
        {
            var frame = Frame(Message.MaxFrames);
            LibZmq.zmq_msg_init(frame);
            while (LibZmq.zmq_msg_recv(frame, socket, LibZmq.DontWait) >= 0)
            {
            }
            LibZmq.zmq_msg_close(frame);
        }

        void SetPollItem(int index, IntPtr socket)
        {
            var item = _items + index * PollItemBytes;
            *(IntPtr*)item = socket;
            *(short*)(item + IntPtr.Size + DescriptorBytes) = LibZmq.PollIn;
        }

        bool IsReady(int index) =>
            (*(short*)(_items + index * PollItemBytes + IntPtr.Size + DescriptorBytes + 2) & LibZmq.PollIn) != 0;

        IntPtr NewSocket(int type)
        {
            var socket = LibZmq.zmq_socket(_context, type);
            if (socket == IntPtr.Zero)
                throw Failure("socket");
            var linger = 0;
            LibZmq.zmq_setsockopt(socket, LibZmq.Linger, &linger, (UIntPtr)4);
            return socket;
        }

        void SetOption(int option, int value) =>
            Check(LibZmq.zmq_setsockopt(_socket, option, &value, (UIntPtr)4), $"option {option}");

        void SetOption(int option, long value) =>
            Check(LibZmq.zmq_setsockopt(_socket, option, &value, (UIntPtr)8), $"option {option}");

        void SetOption(int option, byte[] value)
        {
            fixed (byte* start = value)
                Check(LibZmq.zmq_setsockopt(_socket, option, start, (UIntPtr)value.Length), "the keys");
        }

        static void Check(int result, string what)
        {
            if (result < 0)
                throw Failure(what);
        }

        static TransportException Failure(string what) =>
            new TransportException($"{what}: {Marshal.PtrToStringAnsi(LibZmq.zmq_strerror(LibZmq.zmq_errno()))}");

        // libzmq wants a terminating zero.
        static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text + '\0');
    }
}
