namespace Moulage.Core
{
    /// <summary>The kinds of message, docs/protocol.md §3.</summary>
    public enum MessageKind : byte
    {
        Hello = 1, Welcome, Have, Begin, Drop, Map, Tile, Data, Commit, Ack, Credit, Heartbeat, Bye
    }

    public struct Welcome
    {
        public string Server;
        public ulong Epoch;
        public long Revision;
        public bool Qoi;
        public int HeartbeatMs, TimeoutMs;
    }

    public struct Begin
    {
        public long Revision, Tiles, Bytes;
        public int Drops, Maps;
        public bool Data;
    }

    public struct MapDeclaration
    {
        public uint Id;
        public MapSpec Spec;
        public bool Held;
    }

    public struct Commit
    {
        public long Revision;
        public ulong State;
    }

    public struct Bye
    {
        public string Code, Message;
    }

    /// <summary>Frame 0 of TILE; docs/protocol.md §3.3.</summary>
    public struct TileHeader
    {
        public const int Bytes = 48;

        public uint Map, X, Y;
        public int Width, Height;
        public bool Qoi;
        public TexelFormat Format;
        public ulong Revision, Hash;
    }

    /// <summary>
    /// A message as it lies in the transport's memory, valid until the transport is asked for the next one. Frames beyond the
    /// third are counted, not kept: no message has them.
    /// </summary>
    public sealed unsafe class Message
    {
        public const int MaxFrames = 3;

        readonly byte*[] _data = new byte*[MaxFrames];
        readonly int[] _length = new int[MaxFrames];

        public int Count { get; private set; }

        public byte* Data(int frame) => _data[frame];
        public int Length(int frame) => _length[frame];

        public void Clear() => Count = 0;

        public void Add(byte* data, int length)
        {
            if (Count < MaxFrames)
            {
                _data[Count] = data;
                _length[Count] = length;
            }
            Count++;
        }
    }
}
