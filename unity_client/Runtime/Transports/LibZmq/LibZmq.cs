using System;
using System.Runtime.InteropServices;
using System.Security;

namespace Moulage.Transports
{
    /// <summary>The functions of libzmq (api.zeromq.org, 4.3) that the transport calls.</summary>
    [SuppressUnmanagedCodeSecurity]
    static unsafe class LibZmq
    {
        public const int Pair = 0, Dealer = 5;
        public const int Linger = 17, SendHighWater = 23, MaxMessageSize = 22, IPv6 = 42;
        public const int CurvePublicKey = 48, CurveSecretKey = 49, CurveServerKey = 50;
        public const int DontWait = 1, SendMore = 2;
        public const short PollIn = 1;
        public const int EventDisconnected = 0x200, EventHandshakeNoDetail = 0x800, EventHandshakeProtocol = 0x2000,
            EventHandshakeAuth = 0x4000;
        public const int MessageStructBytes = 64;

#if UNITY_IOS && !UNITY_EDITOR
        const string Library = "__Internal";
#else
        const string Library = "libzmq";
#endif

        [DllImport(Library)] public static extern IntPtr zmq_ctx_new();
        [DllImport(Library)] public static extern int zmq_ctx_term(IntPtr context);
        [DllImport(Library)] public static extern IntPtr zmq_socket(IntPtr context, int type);
        [DllImport(Library)] public static extern int zmq_close(IntPtr socket);
        [DllImport(Library)] public static extern int zmq_setsockopt(IntPtr socket, int option, void* value, UIntPtr length);
        [DllImport(Library)] public static extern int zmq_connect(IntPtr socket, byte[] endpoint);
        [DllImport(Library)] public static extern int zmq_bind(IntPtr socket, byte[] endpoint);
        [DllImport(Library)] public static extern int zmq_socket_monitor(IntPtr socket, byte[] endpoint, int events);
        [DllImport(Library)] public static extern int zmq_send(IntPtr socket, byte* data, UIntPtr length, int flags);
        [DllImport(Library)] public static extern int zmq_msg_init(void* message);
        [DllImport(Library)] public static extern int zmq_msg_recv(void* message, IntPtr socket, int flags);
        [DllImport(Library)] public static extern void* zmq_msg_data(void* message);
        [DllImport(Library)] public static extern UIntPtr zmq_msg_size(void* message);
        [DllImport(Library)] public static extern int zmq_msg_more(void* message);
        [DllImport(Library)] public static extern int zmq_msg_close(void* message);
        [DllImport(Library)] public static extern int zmq_poll(void* items, int count, IntPtr timeout);
        [DllImport(Library)] public static extern int zmq_errno();
        [DllImport(Library)] public static extern IntPtr zmq_strerror(int error);
        [DllImport(Library)] public static extern int zmq_has(byte[] capability);
    }
}
