using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>One message of a golden file.</summary>
    sealed class GoldenMessage
    {
        public bool ToServer;
        public byte[][] Frames;

        public MessageKind Kind => (MessageKind)Frames[0][3];
        public string Body => Encoding.UTF8.GetString(Frames[1]);
    }

    /// <summary>The byte vectors that belong to docs/protocol.md; the Python side reads the same files.</summary>
    static class Golden
    {
        public static readonly Dictionary<string, object> Index =
            (Dictionary<string, object>)Json.Read(Encoding.UTF8.GetString(File.ReadAllBytes(Path.Combine(Folder, "index.json"))));

        /// <summary>Set by whoever runs the tests; a project without the repository's tests skips those that need it.</summary>
        static string Folder
        {
            get
            {
                var folder = Environment.GetEnvironmentVariable("MOULAGE_GOLDEN");
                if (string.IsNullOrEmpty(folder))
                    Assert.Ignore("MOULAGE_GOLDEN does not name the folder with the golden vectors");
                return folder;
            }
        }

        public static IEnumerable<Dictionary<string, object>> Entries(string kind)
        {
            foreach (var entry in (List<object>)Index[kind])
                yield return (Dictionary<string, object>)entry;
        }

        public static List<GoldenMessage> Messages(Dictionary<string, object> entry)
        {
            var bytes = File.ReadAllBytes(Path.Combine(Folder, (string)entry["file"]));
            var messages = new List<GoldenMessage>();
            for (var at = 0; at < bytes.Length;)
            {
                var message = new GoldenMessage { ToServer = bytes[at] == 1, Frames = new byte[bytes[at + 1]][] };
                at += 4;
                for (var frame = 0; frame < message.Frames.Length; frame++)
                {
                    message.Frames[frame] = new byte[BitConverter.ToInt32(bytes, at)];
                    Array.Copy(bytes, at + 4, message.Frames[frame], 0, message.Frames[frame].Length);
                    at += 4 + message.Frames[frame].Length;
                }
                messages.Add(message);
            }
            return messages;
        }

        public static MapSpec Spec(object entry)
        {
            var map = (Dictionary<string, object>)entry;
            return new MapSpec((string)map["avatar"], (string)map["material"], (string)map["map"], (int)(double)map["width"],
                (int)(double)map["height"], (string)map["format"] == "r16" ? TexelFormat.R16 : TexelFormat.Rgba8,
                (string)map["space"] == "srgb");
        }

        public static string Sha256(byte[] bytes, int length)
        {
            using (var hash = SHA256.Create())
                return BitConverter.ToString(hash.ComputeHash(bytes, 0, length)).Replace("-", "").ToLowerInvariant();
        }

        public static string Sha256(CpuTexture texture)
        {
            var row = new byte[texture.Spec.Width * texture.Spec.TexelBytes];
            var all = new byte[row.Length * texture.Spec.Height];
            for (var y = 0; y < texture.Spec.Height; y++)
            {
                texture.CopyRow(y, row);
                Array.Copy(row, 0, all, y * row.Length, row.Length);
            }
            return Sha256(all, all.Length);
        }
    }

    /// <summary>A message in memory that does not move, as a transport would hand it over.</summary>
    sealed unsafe class PinnedMessage : IDisposable
    {
        readonly List<GCHandle> _pins = new List<GCHandle>();

        public PinnedMessage(Message message, byte[][] frames)
        {
            message.Clear();
            foreach (var frame in frames)
            {
                // An empty array has no first byte to point at.
                var pin = GCHandle.Alloc(frame.Length > 0 ? frame : new byte[1], GCHandleType.Pinned);
                _pins.Add(pin);
                message.Add((byte*)pin.AddrOfPinnedObject(), frame.Length);
            }
        }

        public void Dispose()
        {
            foreach (var pin in _pins)
                pin.Free();
        }
    }
}
