using System;
using System.Collections.Generic;

namespace Moulage.Core
{
    /// <summary>Which ZeroMQ the receiver uses.</summary>
    public enum TransportKind
    {
        /// <summary>The native libzmq where it is there, else NetMQ.</summary>
        Automatic,
        LibZmq,
        NetMq
    }

    /// <summary>The transports that are compiled into this program; each assembly adds its own when it is loaded.</summary>
    public static class TransportCatalogue
    {
        static readonly SortedDictionary<TransportKind, Func<ITransport>> Known = new SortedDictionary<TransportKind, Func<ITransport>>();

        public static void Add(TransportKind kind, Func<ITransport> create) => Known[kind] = create;

        /// <summary>A transport of this kind; TransportException says what is missing.</summary>
        public static ITransport Create(TransportKind kind)
        {
            var faults = new List<string>();
            foreach (var pair in Known)
            {
                if (kind != TransportKind.Automatic && kind != pair.Key)
                    continue;
                try
                {
                    return pair.Value();
                }
                catch (TransportException fault)
                {
                    faults.Add($"{pair.Key}: {fault.Message}");
                }
            }
            if (!Known.ContainsKey(TransportKind.NetMq) && kind != TransportKind.LibZmq)
                faults.Add("NetMq: the package org.nuget.netmq is not in the project");
            throw new TransportException(string.Join("; ", faults.ToArray()));
        }
    }
}
