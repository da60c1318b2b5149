using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Moulage.Core
{
    /// <summary>
    /// The file state.bin of the disk cache: "MLC1", epoch, revision, document, maps with the slot and hash of every tile, and
    /// the XXH64 of all that, so that a damaged file is known as such.
    /// </summary>
    public sealed class CacheIndex
    {
        const int Magic = 0x31434C4D;

        readonly MemoryStream _memory = new MemoryStream();

        public ArraySegment<byte> Write(HeldState held, Dictionary<MapHandle, int[]> slots)
        {
            _memory.SetLength(0);
            var writer = new BinaryWriter(_memory, Encoding.UTF8);
            writer.Write(Magic);
            writer.Write(held.Epoch);
            writer.Write(held.Revision);
            writer.Write(held.Document.Length);
            writer.Write(held.Document);
            writer.Write(held.Maps.Count);
            foreach (var map in held.Maps)
            {
                var spec = map.Handle.Spec;
                writer.Write(map.Id);
                writer.Write(spec.Avatar);
                writer.Write(spec.Material);
                writer.Write(spec.Map);
                writer.Write(spec.Width);
                writer.Write(spec.Height);
                writer.Write((byte)spec.Format);
                writer.Write(spec.Srgb);
                for (var i = 0; i < spec.TileCount; i++)
                {
                    writer.Write(slots[map.Handle][i]);
                    writer.Write(map.Shown[i]);
                }
            }
            writer.Flush();
            writer.Write(XxHash64.Of(_memory.GetBuffer(), (int)_memory.Length));
            writer.Flush();
            return new ArraySegment<byte>(_memory.GetBuffer(), 0, (int)_memory.Length);
        }

        /// <summary>Fills held and slots; InvalidDataException where the file is not what Write wrote.</summary>
        public Revision Read(byte[] bytes, HeldState held, Dictionary<MapHandle, int[]> slots)
        {
            var length = bytes.Length - 8;
            if (length < 4 || BitConverter.ToUInt64(bytes, length) != XxHash64.Of(bytes, length)
                || BitConverter.ToInt32(bytes, 0) != Magic)
                throw new InvalidDataException("its index is damaged or of another version");
            var reader = new BinaryReader(new MemoryStream(bytes, 4, length - 4), Encoding.UTF8);
            held.Epoch = reader.ReadUInt64();
            held.Revision = reader.ReadInt64();
            held.Document = reader.ReadBytes(reader.ReadInt32());
            held.DocumentHash = XxHash64.Of(held.Document, held.Document.Length);
            var count = reader.ReadInt32();
            var handles = new MapHandle[count];
            var revision = new Revision
            {
                Number = held.Revision, Epoch = held.Epoch, Maps = handles, Document = held.Document, Cached = true,
                Arrived = System.Diagnostics.Stopwatch.GetTimestamp()
            };
            for (var i = 0; i < count; i++)
            {
                var id = reader.ReadUInt32();
                var spec = new MapSpec(reader.ReadString(), reader.ReadString(), reader.ReadString(), reader.ReadInt32(),
                    reader.ReadInt32(), (TexelFormat)reader.ReadByte(), reader.ReadBoolean());
                handles[i] = new MapHandle(spec);
                var hashes = new ulong[spec.TileCount];
                var places = new int[spec.TileCount];
                for (var tile = 0; tile < hashes.Length; tile++)
                {
                    places[tile] = reader.ReadInt32();
                    hashes[tile] = reader.ReadUInt64();
                    revision.Tiles += places[tile] < 0 ? 0 : 1;
                }
                held.Maps.Add(new MapEntry(id, handles[i], hashes));
                slots[handles[i]] = places;
                revision.Bytes += spec.ByteCount;
            }
            return revision;
        }
    }
}
