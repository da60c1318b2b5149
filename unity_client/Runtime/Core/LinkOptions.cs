namespace Moulage.Core
{
    /// <summary>Everything that a link needs to know before it starts.</summary>
    public sealed class LinkOptions
    {
        public string Endpoint = "tcp://127.0.0.1:5581";

        /// <summary>How the server's status names this client.</summary>
        public string Name = "Unity";

        /// <summary>Payloads it can decode; raw must be among them.</summary>
        public string Codecs = "raw,qoi";

        /// <summary>Tiles that may be on their way; each takes 256 KiB here, 1 to 1024.</summary>
        public int Credits = 64;

        /// <summary>Milliseconds of a frame that Tick may take. It does at least one tile, however long that takes.</summary>
        public double BudgetMs = 1.0;

        /// <summary>The most that the pixels of all maps may take, in bytes.</summary>
        public long MemoryLimit = 2L << 30;

        /// <summary>Where the last state is kept; null keeps none.</summary>
        public string CacheFolder;

        /// <summary>Needed for a server beyond this machine.</summary>
        public CurveKeys Keys;
    }

    public enum LinkState { Waiting, Greeting, Ready, Receiving }

    /// <summary>A glance at the link, for a display.</summary>
    public struct LinkStatus
    {
        public LinkState State;

        /// <summary>Why the link is in this state; empty if all is well.</summary>
        public string Detail;

        public string Server;
        public ulong Epoch;
        public long ShownRevision, NewestRevision;

        /// <summary>Tiles that the current transfer still has to bring.</summary>
        public long TilesPending;

        public long TilesReceived, BytesReceived;

        /// <summary>How many revisions behind the server the scene is.</summary>
        public long Lag => System.Math.Max(0, NewestRevision - ShownRevision);
    }
}
