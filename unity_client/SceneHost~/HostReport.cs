using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Security.Cryptography;
using System.Text;
using Moulage.Core;

namespace Moulage.SceneHost
{
    /// <summary>What SceneHost says on standard output: JSON lines as docs/scene-host.md has them, or words for a person.</summary>
    sealed class HostReport
    {
        readonly List<string> _lines = new List<string>();
        readonly TextWriter _output;
        readonly bool _json;

        public HostReport(TextWriter output, bool json)
        {
            _output = output;
            _json = json;
        }

        public void State(LinkState state, string detail)
        {
            var word = state.ToString().ToLowerInvariant();
            Line(_json ? $"{{\"event\":\"state\",\"state\":\"{word}\",\"detail\":{Quote(detail)}}}" : $"{word} {detail}");
        }

        public void Shown(Revision revision, double appliedMs) =>
            Line(_json
                ? $"{{\"event\":\"shown\",\"epoch\":\"{revision.Epoch:x16}\",\"revision\":{revision.Number},"
                    + $"\"tiles\":{revision.Tiles},\"bytes\":{revision.Bytes},\"applied_ms\":{Decimal(appliedMs)}}}"
                : $"shows revision {revision.Number}: {revision.Tiles} tiles, {Decimal(appliedMs)} ms after COMMIT");

        public void Stats(long frames, long tiles, long bytes, int gen0, SceneMirror mirror, double budgetMs) =>
            Line(_json
                ? $"{{\"event\":\"stats\",\"frames\":{frames},\"tiles\":{tiles},\"bytes\":{bytes},\"gen0\":{gen0},"
                    + $"\"longest_slice_ms\":{Decimal(mirror.LongestSliceMs)},"
                    + $"\"longest_tile_ms\":{Decimal(mirror.LongestTileMs)},\"budget_ms\":{Decimal(budgetMs)}}}"
                : $"{frames} frames, {tiles} tiles, {bytes} bytes, {gen0} collections, "
                    + $"longest slice {Decimal(mirror.LongestSliceMs)} ms, longest tile {Decimal(mirror.LongestTileMs)} ms");

        public void Hashes(Revision revision, IList<MapTexture> maps)
        {
            var sorted = new List<MapTexture>(maps);
            sorted.Sort(Compare);
            var text = new StringBuilder();
            if (_json)
                text.Append($"{{\"event\":\"hashes\",\"epoch\":\"{revision.Epoch:x16}\",\"revision\":{revision.Number},")
                    .Append($"\"data\":\"{Sha256(revision.Document)}\",\"maps\":[");
            for (var i = 0; i < sorted.Count; i++)
            {
                var spec = sorted[i].Spec;
                if (!_json)
                {
                    text.Append($"{Sha256((CpuTexture)sorted[i].Target)}  {spec}").Append(i + 1 < sorted.Count ? "\n" : "");
                    continue;
                }
                text.Append(i == 0 ? "{" : ",{");
                text.Append($"\"avatar\":{Quote(spec.Avatar)},\"material\":{Quote(spec.Material)},\"map\":{Quote(spec.Map)},");
                text.Append($"\"width\":{spec.Width},\"height\":{spec.Height},");
                text.Append($"\"format\":\"{(spec.Format == TexelFormat.R16 ? "r16" : "rgba8")}\",");
                text.Append($"\"space\":\"{(spec.Srgb ? "srgb" : "linear")}\",");
                text.Append($"\"sha256\":\"{Sha256((CpuTexture)sorted[i].Target)}\"}}");
            }
            Line(_json ? text.Append("]}").ToString() : text.ToString());
        }

        /// <summary>Write what was said since the last time. Between frames: a full pipe must not hold up the scene.</summary>
        public void Flush()
        {
            if (_lines.Count == 0)
                return;
            foreach (var line in _lines)
                _output.WriteLine(line);
            _output.Flush();
            _lines.Clear();
        }

        void Line(string text) => _lines.Add(text);

        static int Compare(MapTexture one, MapTexture other)
        {
            var order = string.CompareOrdinal(one.Spec.Avatar, other.Spec.Avatar);
            order = order != 0 ? order : string.CompareOrdinal(one.Spec.Material, other.Spec.Material);
            return order != 0 ? order : string.CompareOrdinal(one.Spec.Map, other.Spec.Map);
        }

        static string Sha256(CpuTexture texture)
        {
            var row = new byte[texture.Spec.Width * texture.Spec.TexelBytes];
            using (var hash = SHA256.Create())
            {
                for (var y = 0; y < texture.Spec.Height; y++)
                {
                    texture.CopyRow(y, row);
                    hash.TransformBlock(row, 0, row.Length, null, 0);
                }
                hash.TransformFinalBlock(row, 0, 0);
                return Hex(hash.Hash);
            }
        }

        static string Sha256(byte[] data)
        {
            using (var hash = SHA256.Create())
                return Hex(hash.ComputeHash(data));
        }

        static string Hex(byte[] bytes) => BitConverter.ToString(bytes).Replace("-", "").ToLowerInvariant();

        static string Decimal(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);

        static string Quote(string text)
        {
            var quoted = new StringBuilder("\"");
            foreach (var letter in text)
            {
                if (letter == '"' || letter == '\\')
                    quoted.Append('\\').Append(letter);
                else if (letter < 0x20)
                    quoted.Append($"\\u{(int)letter:x4}");
                else
                    quoted.Append(letter);
            }
            return quoted.Append('"').ToString();
        }
    }
}
