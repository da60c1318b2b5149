using System;
using System.Collections.Generic;
using System.Text;

namespace Moulage.Core
{
    /// <summary>What the server tells of one lesion; docs/protocol.md §11.</summary>
    public sealed class Lesion : IEquatable<Lesion>
    {
        public string Id, Avatar, Material, BodyPart;

        /// <summary>The value of its texels in the instance map.</summary>
        public int Index;

        /// <summary>Its place in the atlas, glTF convention: origin at the top left.</summary>
        public double U, V;

        /// <summary>Longest diameter on the skin.</summary>
        public double DiameterMm;

        /// <summary>The map with its close-up, and how wide that is on the skin; empty if there is none.</summary>
        public string CloseUp;
        public double CloseUpMm;

        /// <summary>nevus, melanoma, …; empty in an exam.</summary>
        public string Class;

        public bool Equals(Lesion other) =>
            other != null && Id == other.Id && Avatar == other.Avatar && Material == other.Material
            && BodyPart == other.BodyPart && Index == other.Index && U == other.U && V == other.V
            && DiameterMm == other.DiameterMm && CloseUp == other.CloseUp && CloseUpMm == other.CloseUpMm && Class == other.Class;

        public override bool Equals(object other) => Equals(other as Lesion);

        public override int GetHashCode() => Id.GetHashCode();

        public override string ToString() => $"{Id}: {Class} of {DiameterMm} mm, {BodyPart}";
    }

    /// <summary>The lesions of one revision.</summary>
    public sealed class LesionSet
    {
        public static readonly LesionSet Empty = new LesionSet();

        const string Schema = "moulage.lesions/1";

        readonly List<Lesion> _all = new List<Lesion>();
        readonly Dictionary<string, Lesion> _byId = new Dictionary<string, Lesion>();

        LesionSet()
        {
        }

        public IList<Lesion> All => _all.AsReadOnly();

        /// <summary>Whether the classes are held back.</summary>
        public bool IsExam { get; private set; }

        /// <summary>What the images are for.</summary>
        public string Notice { get; private set; } = "";

        public Lesion Find(string id)
        {
            Lesion lesion;
            return _byId.TryGetValue(id, out lesion) ? lesion : null;
        }

        /// <summary>The lesion that owns texels of this value in the instance map of a material, or null.</summary>
        public Lesion Find(string avatar, string material, int index)
        {
            foreach (var lesion in _all)
                if (lesion.Index == index && lesion.Material == material && lesion.Avatar == avatar)
                    return lesion;
            return null;
        }

        /// <summary>Reads the document; a document of something else gives no lesions, and fault says what is wrong.</summary>
        public static LesionSet Read(byte[] document, out string fault)
        {
            fault = null;
            if (document.Length == 0)
                return Empty;
            try
            {
                var root = Json.Read(new UTF8Encoding(false, true).GetString(document)) as Dictionary<string, object>;
                if (root == null || Text(root, "schema") != Schema)
                    throw new FormatException($"its schema is not {Schema}");
                return Read(root);
            }
            catch (Exception error) when (error is FormatException || error is DecoderFallbackException)
            {
                fault = $"the lesions' document is not used: {error.Message}";
                return Empty;
            }
        }

        /// <summary>Calls appeared, changed and vanished for what differs from the set before.</summary>
        public void Compare(LesionSet before, Action<Lesion> appeared, Action<Lesion> changed, Action<Lesion> vanished)
        {
            if (ReferenceEquals(this, before))
                return;
            foreach (var lesion in _all)
            {
                var old = before.Find(lesion.Id);
                if (old == null)
                    appeared(lesion);
                else if (!old.Equals(lesion))
                    changed(lesion);
            }
            foreach (var lesion in before._all)
                if (Find(lesion.Id) == null)
                    vanished(lesion);
        }

        static LesionSet Read(Dictionary<string, object> root)
        {
            object exam, items;
            var set = new LesionSet { Notice = Text(root, "notice") };
            set.IsExam = root.TryGetValue("exam", out exam) && exam is bool && (bool)exam;
            root.TryGetValue("lesions", out items);
            foreach (var item in items as List<object> ?? new List<object>())
            {
                var members = item as Dictionary<string, object>;
                if (members == null)
                    throw new FormatException("a lesion is no object");
                var lesion = new Lesion
                {
                    Id = Text(members, "id"),
                    Avatar = Text(members, "avatar"),
                    Material = Text(members, "material"),
                    BodyPart = Text(members, "body_part"),
                    Index = (int)Math.Max(0, Math.Min(ushort.MaxValue, Number(members, "index"))),
                    U = Number(members, "u"),
                    V = Number(members, "v"),
                    DiameterMm = Number(members, "diameter_mm"),
                    CloseUp = Text(members, "close_up"),
                    CloseUpMm = Number(members, "close_up_mm"),
                    Class = Text(members, "class")
                };
                if (lesion.Id.Length == 0 || set._byId.ContainsKey(lesion.Id))
                    throw new FormatException($"a lesion has the id '{lesion.Id}', which is empty or taken");
                set._all.Add(lesion);
                set._byId.Add(lesion.Id, lesion);
            }
            return set;
        }

        static string Text(Dictionary<string, object> members, string name)
        {
            object value;
            return members.TryGetValue(name, out value) ? value as string ?? "" : "";
        }

        static double Number(Dictionary<string, object> members, string name)
        {
            object value;
            return members.TryGetValue(name, out value) && value is double ? (double)value : 0;
        }
    }
}
