namespace Moulage.Core
{
    /// <summary>Reads what a server sends. Every check that needs no state happens here; docs/protocol.md §3.</summary>
    public sealed unsafe class MessageReader
    {
        public const int MaxDocumentBytes = 4194304;
        public const int MaxMaps = 4096;
        public const int MaxSide = 16384;

        readonly ControlReader _control = new ControlReader();

        /// <summary>The kind, after preamble, direction, number and size of the frames were checked.</summary>
        public MessageKind Kind(Message message)
        {
            if (message.Count == 0 || message.Length(0) < 4 || message.Data(0)[0] != 'M' || message.Data(0)[1] != 'L')
                throw Bad("no Moulage message: frame 0 does not begin with ML");
            if (message.Data(0)[2] != MessageWriter.Version)
                throw new ProtocolException("version", $"protocol version {message.Data(0)[2]}; this side speaks 1");
            var kind = (MessageKind)message.Data(0)[3];
            if (!GoesToClient(kind))
                throw Bad($"kind 0x{(byte)kind:x2} does not go to a client");
            if (message.Count != 2)
                throw Bad($"{message.Count} frames; {kind} has 2");
            if (message.Length(0) != (kind == MessageKind.Tile ? TileHeader.Bytes : 4))
                throw Bad($"frame 0 of {kind} has {message.Length(0)} bytes");
            if (kind == MessageKind.Data && message.Length(1) > MaxDocumentBytes)
                throw new ProtocolException("limit", $"a document of {message.Length(1)} bytes");
            if (kind != MessageKind.Tile && kind != MessageKind.Data)
                _control.Read(message.Data(1), message.Length(1));
            return kind;
        }

        // The readers below look at the control JSON that Kind has read.

        public Welcome Welcome()
        {
            var welcome = new Welcome
            {
                Server = _control.Text("server", 1, 128),
                Epoch = _control.Hash("epoch"),
                Revision = Count("revision"),
                Qoi = _control.IsSecond("codec", "raw", "qoi"),
                HeartbeatMs = (int)_control.Integer("heartbeat_ms", 50, 60000),
                TimeoutMs = (int)_control.Integer("timeout_ms", 100, 600000)
            };
            var version = _control.Integer("version", 1, 255);
            if (version != MessageWriter.Version)
                throw new ProtocolException("version", $"the server chose version {version}; this side speaks 1");
            if (welcome.Epoch == 0 || welcome.TimeoutMs < 2 * welcome.HeartbeatMs)
                throw Bad("WELCOME with no epoch, or a timeout below two heartbeats");
            return welcome;
        }

        public Begin Begin() => new Begin
        {
            Revision = Count("revision"),
            Drops = (int)_control.Integer("drops", 0, MaxMaps),
            Maps = (int)_control.Integer("maps", 0, MaxMaps),
            Tiles = Count("tiles"),
            Bytes = Count("bytes"),
            Data = _control.Flag("data")
        };

        public uint Drop() => Id();

        public MapDeclaration Map()
        {
            var spec = new MapSpec(
                _control.Text("avatar", 1, 128),
                _control.Text("material", 0, 128),
                _control.Text("map", 1, 128),
                (int)_control.Integer("width", 1, MaxSide),
                (int)_control.Integer("height", 1, MaxSide),
                _control.IsSecond("format", "rgba8", "r16") ? TexelFormat.R16 : TexelFormat.Rgba8,
                !_control.IsSecond("space", "srgb", "linear"));
            return new MapDeclaration { Id = Id(), Spec = spec, Held = _control.Flag("held") };
        }

        public Commit Commit() => new Commit { Revision = Count("revision"), State = _control.Hash("state") };

        public long Heartbeat() => Count("revision");

        public Bye Bye() => new Bye { Code = _control.Text("code", 1, 128), Message = _control.Text("message", 0, 512) };

        public static TileHeader Tile(Message message)
        {
            var at = message.Data(0);
            var header = new TileHeader
            {
                Map = Number(at + 4),
                X = Number(at + 8),
                Y = Number(at + 12),
                Width = at[16] | at[17] << 8,
                Height = at[18] | at[19] << 8,
                Qoi = at[20] == 1,
                Format = (TexelFormat)at[21],
                Revision = Number(at + 24) | (ulong)Number(at + 28) << 32,
                Hash = Number(at + 32) | (ulong)Number(at + 36) << 32
            };
            if (at[22] != 0 || at[23] != 0 || Number(at + 44) != 0)
                throw Bad("reserved bytes of a tile header are not 0");
            if (at[20] > 1)
                throw Bad($"codec {at[20]} is unknown");
            if (header.Format != TexelFormat.Rgba8 && header.Format != TexelFormat.R16)
                throw Bad($"format {at[21]} is unknown");
            if (Number(at + 40) != message.Length(1))
                throw Bad($"a tile claims {Number(at + 40)} bytes and brings {message.Length(1)}");
            return header;
        }

        /// <summary>The tile's place in the map it belongs to; refuses a header that doesn't fit the map.</summary>
        public static TileRect Place(TileHeader header, MapSpec spec, int payload)
        {
            if (header.X % MapSpec.TileSide != 0 || header.Y % MapSpec.TileSide != 0
                || header.X >= spec.Width || header.Y >= spec.Height)
                throw Bad($"tile at {header.X}, {header.Y} of {spec}");
            var rect = spec.Tile((int)(header.Y / MapSpec.TileSide) * spec.Columns + (int)(header.X / MapSpec.TileSide));
            if (header.Width != rect.Width || header.Height != rect.Height)
                throw Bad($"tile at {header.X}, {header.Y} is {header.Width}×{header.Height}");
            if (header.Format != spec.Format)
                throw Bad($"tile in {header.Format} for a map in {spec.Format}");
            var raw = rect.Width * rect.Height * spec.TexelBytes;
            if (header.Qoi ? payload >= raw : payload != raw)
                throw Bad($"tile payload of {payload} bytes; raw would be {raw}");
            return rect;
        }

        static bool GoesToClient(MessageKind kind) =>
            kind == MessageKind.Welcome || kind >= MessageKind.Begin && kind <= MessageKind.Commit
            || kind == MessageKind.Heartbeat || kind == MessageKind.Bye;

        uint Id() => (uint)_control.Integer("id", 1, uint.MaxValue);

        long Count(string name) => _control.Integer(name, 0, ControlReader.MaxInteger);

        static uint Number(byte* at) => at[0] | (uint)at[1] << 8 | (uint)at[2] << 16 | (uint)at[3] << 24;

        static ProtocolException Bad(string message) => new ProtocolException("malformed", message);
    }
}
