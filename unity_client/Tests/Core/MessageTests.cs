using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>Messages are written to the golden bytes and read to the golden fields; bad ones are refused.</summary>
    [TestFixture]
    public sealed class MessageTests
    {
        sealed class Outbox : IOutbox
        {
            public byte[][] Frames;

            public bool Send(byte[] head, byte[] body, int bodyLength, byte[] tail, int tailLength)
            {
                Frames = tailLength == 0 ? new byte[2][] : new byte[3][];
                Frames[0] = head;
                Frames[1] = Part(body, bodyLength);
                if (tailLength > 0)
                    Frames[2] = Part(tail, tailLength);
                return true;
            }

            static byte[] Part(byte[] bytes, int length)
            {
                var part = new byte[length];
                Array.Copy(bytes, part, length);
                return part;
            }
        }

        [Test]
        public void WhatAClientSaysEqualsTheGoldenBytes()
        {
            var outbox = new Outbox();
            var writer = new MessageWriter(outbox);
            var compared = 0;
            foreach (var entry in Golden.Entries("messages"))
            {
                var message = Golden.Messages(entry)[0];
                var fields = (Dictionary<string, object>)entry["fields"];
                if (!message.ToServer)
                    continue;
                Write(writer, message.Kind, fields);
                Assert.AreEqual(message.Frames.Length, outbox.Frames.Length);
                for (var i = 0; i < message.Frames.Length; i++)
                    CollectionAssert.AreEqual(message.Frames[i], outbox.Frames[i], $"{entry["kind"]}, frame {i}");
                compared++;
            }
            Assert.GreaterOrEqual(compared, 6);
        }

        static void Write(MessageWriter writer, MessageKind kind, Dictionary<string, object> fields)
        {
            switch (kind)
            {
                case MessageKind.Hello:
                    writer.Hello(new Hello
                    {
                        Client = (string)fields["client"], Codecs = (string)fields["codecs"],
                        Credits = (int)(double)fields["credits"], Epoch = Hash(fields["epoch"]),
                        Revision = (long)(double)fields["revision"], Data = Hash(fields["data"]), Have = (int)(double)fields["have"]
                    });
                    break;
                case MessageKind.Have:
                    writer.Have(Golden.Spec(fields), ((List<object>)fields["hashes"]).ConvertAll(Hash).ToArray());
                    break;
                case MessageKind.Ack:
                    writer.Ack((long)(double)fields["revision"], (double)fields["applied_ms"], (string)fields["error"]);
                    break;
                case MessageKind.Credit:
                    writer.Credit((int)(double)fields["tiles"]);
                    break;
                case MessageKind.Heartbeat:
                    writer.Heartbeat((long)(double)fields["revision"]);
                    break;
                case MessageKind.Bye:
                    writer.Bye((string)fields["code"], (string)fields["message"]);
                    break;
                default:
                    Assert.Fail($"the client never sends {kind}");
                    break;
            }
        }

        [Test]
        public unsafe void WhatAServerSaysIsReadToTheGoldenFields()
        {
            var reader = new MessageReader();
            var message = new Message();
            var compared = 0;
            foreach (var entry in Golden.Entries("messages"))
            {
                var golden = Golden.Messages(entry)[0];
                if (golden.ToServer)
                    continue;
                using (new PinnedMessage(message, golden.Frames))
                {
                    var fields = (Dictionary<string, object>)entry["fields"];
                    var kind = reader.Kind(message);
                    Assert.AreEqual(golden.Kind, kind);
                    if (kind == MessageKind.Data)
                        Assert.AreEqual(Encoding.UTF8.GetByteCount((string)fields["document"]), message.Length(1));
                    else
                        foreach (var pair in Read(reader, kind))
                            Assert.AreEqual(fields[pair.Key], pair.Value, $"{kind}.{pair.Key}");
                }
                compared++;
            }
            Assert.GreaterOrEqual(compared, 8);
        }

        static Dictionary<string, object> Read(MessageReader reader, MessageKind kind)
        {
            var fields = new Dictionary<string, object>();
            switch (kind)
            {
                case MessageKind.Welcome:
                    var welcome = reader.Welcome();
                    fields["server"] = welcome.Server;
                    fields["epoch"] = welcome.Epoch.ToString("x16");
                    fields["revision"] = (double)welcome.Revision;
                    fields["codec"] = welcome.Qoi ? "qoi" : "raw";
                    fields["heartbeat_ms"] = (double)welcome.HeartbeatMs;
                    fields["timeout_ms"] = (double)welcome.TimeoutMs;
                    break;
                case MessageKind.Begin:
                    var begin = reader.Begin();
                    fields["revision"] = (double)begin.Revision;
                    fields["drops"] = (double)begin.Drops;
                    fields["maps"] = (double)begin.Maps;
                    fields["tiles"] = (double)begin.Tiles;
                    fields["bytes"] = (double)begin.Bytes;
                    fields["data"] = begin.Data;
                    break;
                case MessageKind.Drop:
                    fields["id"] = (double)reader.Drop();
                    break;
                case MessageKind.Map:
                    var map = reader.Map();
                    fields["id"] = (double)map.Id;
                    fields["map"] = map.Spec.Map;
                    fields["avatar"] = map.Spec.Avatar;
                    fields["material"] = map.Spec.Material;
                    fields["width"] = (double)map.Spec.Width;
                    fields["height"] = (double)map.Spec.Height;
                    fields["format"] = map.Spec.Format == TexelFormat.R16 ? "r16" : "rgba8";
                    fields["space"] = map.Spec.Srgb ? "srgb" : "linear";
                    fields["held"] = map.Held;
                    break;
                case MessageKind.Commit:
                    var commit = reader.Commit();
                    fields["revision"] = (double)commit.Revision;
                    fields["state"] = commit.State.ToString("x16");
                    break;
                case MessageKind.Heartbeat:
                    fields["revision"] = (double)reader.Heartbeat();
                    break;
                case MessageKind.Bye:
                    var bye = reader.Bye();
                    fields["code"] = bye.Code;
                    fields["message"] = bye.Message;
                    break;
            }
            Assert.Greater(fields.Count, 0);
            return fields;
        }

        [Test]
        public void BadMessagesAreRefusedWithTheGoldenCode()
        {
            var reader = new MessageReader();
            var message = new Message();
            var refused = 0;
            foreach (var entry in Golden.Entries("refused"))
            {
                var golden = Golden.Messages(entry)[0];
                if (golden.ToServer)
                    continue;
                using (new PinnedMessage(message, golden.Frames))
                {
                    var fault = Assert.Throws<ProtocolException>(() => Read(reader, reader.Kind(message)), (string)entry["name"]);
                    Assert.AreEqual((string)entry["code"], fault.Code, (string)entry["name"]);
                }
                refused++;
            }
            Assert.GreaterOrEqual(refused, 30);
        }

        [Test]
        public unsafe void AnyBytesAsControlJsonAreReadOrRefused()
        {
            var reader = new ControlReader();
            var random = new Random(11);
            const string letters = "{}\"\\:,0123456789.eE-truefalsnudDC8 \n\u00e4\ud83d\udc69\u0001";
            for (var round = 0; round < 20000; round++)
            {
                var text = new StringBuilder("{\"a");
                for (var i = random.Next(40); i > 0; i--)
                    text.Append(letters[random.Next(letters.Length)]);
                var bytes = new byte[text.Length * 3];
                var length = new UTF8Encoding(false, false).GetBytes(text.ToString(), 0, text.Length, bytes, 0);
                if (random.Next(4) == 0)
                    bytes[random.Next(length)] = (byte)random.Next(256);
                fixed (byte* body = bytes)
                {
                    try
                    {
                        reader.Read(body, length);
                    }
                    catch (ProtocolException fault)
                    {
                        Assert.AreEqual("malformed", fault.Code);
                    }
                }
            }
        }

        [Test]
        public unsafe void EscapesAreUnderstood()
        {
            var reader = new ControlReader();
            var body = Encoding.UTF8.GetBytes("{ \"t\\u0065xt\" : \"\\ud83d\\udc69 \\u00e4\\u20ac\\/\\\"\" , \"n\":0.25}");
            fixed (byte* start = body)
                reader.Read(start, body.Length);
            Assert.AreEqual("👩 ä€/\"", reader.Text("text", 0, 99));
            Assert.Throws<ProtocolException>(() => reader.Integer("n", 0, 1));
        }

        [Test]
        public void DecimalsHaveOneToThreePlaces()
        {
            var wanted = new Dictionary<double, string>
            {
                { 0, "0.0" }, { 0.0004, "0.0" }, { 11.125, "11.125" }, { 1.2, "1.2" }, { 3.05, "3.05" }, { 1e12, "1000000000.0" }
            };
            var writer = new ControlWriter();
            foreach (var pair in wanted)
            {
                writer.Begin().AddDecimal("x", pair.Key).End();
                Assert.AreEqual("{\"x\":" + pair.Value + "}", Encoding.UTF8.GetString(writer.Bytes, 0, writer.Length));
            }
        }

        static ulong Hash(object text) => ulong.Parse((string)text, NumberStyles.HexNumber);
    }
}
