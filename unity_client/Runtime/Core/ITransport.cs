using System;

namespace Moulage.Core
{
    public enum Arrival
    {
        Nothing,
        Message,

        /// <summary>Wake was called.</summary>
        Woken,

        /// <summary>The connection broke or was refused; a new socket is needed.</summary>
        Lost
    }

    /// <summary>
    /// One ZeroMQ DEALER at a time. Belongs to the link thread; only Wake may be called from elsewhere. Sending never blocks.
    /// </summary>
    public interface ITransport : IOutbox, IDisposable
    {
        /// <summary>Connect a new socket. keys may be null: then only a loopback server will answer.</summary>
        void Open(string endpoint, CurveKeys keys);

        /// <summary>Close the socket; lingerMs is the time that the last word may take.</summary>
        void Close(int lingerMs);

        /// <summary>Wait for a message, for Wake or for the end of the connection; reason explains Lost.</summary>
        Arrival Wait(int milliseconds, Message message, out string reason);

        /// <summary>Make Wait return, from any thread.</summary>
        void Wake();
    }

    /// <summary>The transport cannot work at all: a library is missing, an endpoint is malformed.</summary>
    public sealed class TransportException : Exception
    {
        public TransportException(string message) : base(message)
        {
        }
    }
}
