using System;
using System.Collections.Generic;
using System.Globalization;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>Hashes and pixels of the golden vectors, and what a decoder must refuse.</summary>
    [TestFixture]
    public sealed unsafe class CodecTests
    {
        [Test]
        public void HashesEqualTheGoldenOnes()
        {
            foreach (var entry in Golden.Entries("xxh64"))
            {
                var data = new byte[(int)(double)entry["length"]];
                for (var i = 0; i < data.Length; i++)
                    data[i] = (byte)i;
                var wanted = ulong.Parse((string)entry["hash"], NumberStyles.HexNumber);
                Assert.AreEqual(wanted, XxHash64.Of(data, data.Length), $"{data.Length} bytes");
            }
        }

        [Test]
        public void TilesDecodeToTheGoldenPixels()
        {
            var reader = new MessageReader();
            var message = new Message();
            foreach (var entry in Golden.Entries("tiles"))
            {
                var spec = Golden.Spec(entry["map"]);
                var frames = Golden.Messages(entry)[0].Frames;
                using (new PinnedMessage(message, frames))
                {
                    Assert.AreEqual(MessageKind.Tile, reader.Kind(message));
                    var header = MessageReader.Tile(message);
                    var fields = (Dictionary<string, object>)entry["fields"];
                    Assert.AreEqual((double)fields["map_id"], header.Map);
                    Assert.AreEqual((double)fields["revision"], header.Revision);
                    Assert.AreEqual((string)fields["hash"], header.Hash.ToString("x16"));
                    var buffer = new TileBuffer { Map = new MapHandle(spec) };
                    buffer.Rect = MessageReader.Place(header, spec, message.Length(1));
                    buffer.Decode(header, message.Data(1), message.Length(1));
                    Assert.AreEqual((string)entry["sha256"], Golden.Sha256(buffer.Raw, buffer.RawLength), (string)entry["file"]);
                }
            }
        }

        [Test]
        public void QoiNeverWritesBeyondItsTileAndNeverHangs()
        {
            // Every truncation, and random bytes behind a good header: refused or decoded, the guard bytes stay.
            var random = new Random(5);
            var target = new byte[16 * 16 * 4 + 64];
            for (var round = 0; round < 3000; round++)
            {
                var file = new byte[14 + random.Next(0, 400) + 8];
                random.NextBytes(file);
                new byte[] { (byte)'q', (byte)'o', (byte)'i', (byte)'f', 0, 0, 0, 16, 0, 0, 0, 16, 4, 0 }.CopyTo(file, 0);
                new byte[] { 0, 0, 0, 0, 0, 0, 0, 1 }.CopyTo(file, file.Length - 8);
                for (var i = 16 * 16 * 4; i < target.Length; i++)
                    target[i] = 0xA5;
                fixed (byte* source = file, pixels = target)
                {
                    try
                    {
                        Qoi.Decode(source, file.Length, pixels, 16, 16);
                    }
                    catch (ProtocolException fault)
                    {
                        Assert.AreEqual("malformed", fault.Code);
                    }
                }
                for (var i = 16 * 16 * 4; i < target.Length; i++)
                    Assert.AreEqual(0xA5, target[i]);
            }
        }

        [Test]
        public void KeysInZ85AreReadAndWrongOnesNamed()
        {
            // rfc.zeromq.org/spec/32, the test case of the reference implementation, four times over.
            const string hello = "HelloWorld";
            var text = hello + hello + hello + hello;
            var keys = new CurveKeys(text, text + "\n", text);
            var wanted = new byte[] { 0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B };
            for (var i = 0; i < 32; i++)
                Assert.AreEqual(wanted[i % 8], keys.ClientPublic[i]);
            var fault = Assert.Throws<FormatException>(() => new CurveKeys(text, text, "short"));
            StringAssert.Contains("secret", fault.Message);
            Assert.Throws<FormatException>(() => new CurveKeys(text, text, text.Replace('H', ' ')));
            Assert.Throws<FormatException>(() => new CurveKeys(text, text, new string('#', 40)));
        }
    }
}
