using System;

namespace Moulage.Core
{
    /// <summary>The peer sent what the protocol forbids; the session ends with BYE and this code (docs/protocol.md §8).</summary>
    public sealed class ProtocolException : Exception
    {
        public ProtocolException(string code, string message) : base(message)
        {
            Code = code;
        }

        public string Code { get; }
    }
}
