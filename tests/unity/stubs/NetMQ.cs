// STUB. The signatures of NetMQ 4 and AsyncIO (github.com/zeromq/netmq) that the package uses, without any behaviour: the
// adapter is compiled against them where NuGet's packages are not. Nothing here is ever run.
using System;

namespace AsyncIO
{
    public class ForceDotNet { public static void Force() { throw new NotImplementedException(); } }
}

namespace NetMQ
{
    [Flags]
    public enum PollEvents { None = 0, PollIn = 1, PollOut = 2, PollError = 4 }

    public interface IOutgoingSocket { }
    public interface IReceivingSocket { }

    public abstract class NetMQSocket : IOutgoingSocket, IReceivingSocket, IDisposable
    {
        public SocketOptions Options { get { throw new NotImplementedException(); } }
        public void Connect(string address) { throw new NotImplementedException(); }
        public void Dispose() { throw new NotImplementedException(); }
    }

    public class SocketOptions
    {
        public TimeSpan Linger { get; set; }
        public long MaxMsgSize { get; set; }
        public int SendHighWatermark { get; set; }
        public byte[] CurveServerKey { get; set; }
        public NetMQCertificate CurveCertificate { get; set; }
    }

    public class NetMQCertificate { public NetMQCertificate(byte[] secretKey, byte[] publicKey) { } }

    public static class NetMQConfig { public static void Cleanup(bool block = true) { throw new NotImplementedException(); } }

    public sealed class NetMQSelector
    {
        public sealed class Item { public Item(NetMQSocket socket, PollEvents @event) { } }
        public bool Select(Item[] items, int itemsCount, long timeout) { throw new NotImplementedException(); }
    }

    public static class OutgoingSocketExtensions
    {
        public static bool TrySendFrame(this IOutgoingSocket socket, byte[] data, int length, bool more = false) { throw new NotImplementedException(); }
    }

    public static class ReceivingSocketExtensions
    {
        public static bool TryReceiveFrameBytes(this IReceivingSocket socket, out byte[] bytes) { throw new NotImplementedException(); }
        public static bool TryReceiveFrameBytes(this IReceivingSocket socket, out byte[] bytes, out bool more) { throw new NotImplementedException(); }
    }
}

namespace NetMQ.Sockets
{
    public class DealerSocket : NetMQSocket { public DealerSocket(string connectionString = null) { } }

    public class PairSocket : NetMQSocket
    {
        public static void CreateSocketPair(out PairSocket socket1, out PairSocket socket2) { throw new NotImplementedException(); }
    }
}
