using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Moulage.Core;
using Moulage.Transports;
using UnityEngine;
using UnityEngine.Events;

namespace Moulage.Unity
{
    /// <summary>
    /// Shows on the avatars of this scene what an educator does at the desktop. Put it on the avatar's root object, or name the
    /// avatars in the list. Everything it holds lives from OnEnable to OnDisable.
    /// </summary>
    [AddComponentMenu("Moulage/Moulage Receiver")]
    public sealed class MoulageReceiver : MonoBehaviour
    {
        const int MaxNameLetters = 32;

        static readonly List<MoulageReceiver> Running = new List<MoulageReceiver>();

        [Header("Connection")]
        [SerializeField, Tooltip("What `moulage serve` prints.")]
        string endpoint = "tcp://127.0.0.1:5581";

        [SerializeField, Tooltip("A folder with client.secret, client.public and server.public; empty: the keys that "
            + "`moulage unity install --keys` put into the project, if any.")]
        string keysFolder = "";

        [SerializeField]
        TransportKind transport = TransportKind.Automatic;

        [Header("Scene")]
        [SerializeField, Tooltip("Empty: this object shows every avatar.")]
        List<AvatarBinding> avatars = new List<AvatarBinding>();

        [SerializeField, Tooltip("Further texture properties that take the albedo.")]
        string[] extraProperties = new string[0];

        [Header("Cost")]
        [SerializeField, Range(0.1f, 10f), Tooltip("Milliseconds of each frame for uploads; at least one tile is uploaded.")]
        float frameBudgetMs = 1f;

        [SerializeField, Tooltip("Keep the last state on disk and show it when the desktop is away.")]
        bool diskCache = true;

        [SerializeField, Range(128, 8192), Tooltip("The most that the maps may take, in MiB; on the GPU it is up to 2.7 times that.")]
        int memoryLimitMiB = 2048;

        [Header("Events")]
        [SerializeField]
        LesionEvent lesionAppeared = new LesionEvent();

        [SerializeField]
        LesionEvent lesionChanged = new LesionEvent();

        [SerializeField]
        LesionEvent lesionVanished = new LesionEvent();

        [SerializeField]
        UnityEvent revisionShown = new UnityEvent();

        [SerializeField]
        TextEvent stateChanged = new TextEvent();

        SceneMirror _mirror;
        AvatarTextures _textures;
        MaterialSlots _slots;
        LesionSet _lesions = LesionSet.Empty;
        string _fault = "";

        /// <summary>All receivers that are enabled.</summary>
        public static IList<MoulageReceiver> Active => Running.AsReadOnly();

        public LesionEvent LesionAppeared => lesionAppeared;
        public LesionEvent LesionChanged => lesionChanged;
        public LesionEvent LesionVanished => lesionVanished;
        public UnityEvent RevisionShown => revisionShown;

        /// <summary>The connection's state in words, whenever it changes.</summary>
        public TextEvent StateChanged => stateChanged;

        /// <summary>Takes effect when the component is enabled the next time.</summary>
        public string Endpoint
        {
            get { return endpoint; }
            set { endpoint = value; }
        }

        public LinkStatus Status => _mirror == null ? new LinkStatus { Detail = _fault, Server = "" } : _mirror.Status;

        /// <summary>Milliseconds that the last frame spent here, and the most that one ever did.</summary>
        public double FrameMs => _mirror == null ? 0 : _mirror.SliceMs;
        public double LongestFrameMs => _mirror == null ? 0 : _mirror.LongestSliceMs;

        /// <summary>Whether the lesions' classes are held back.</summary>
        public bool IsExam => _lesions.IsExam;

        /// <summary>What the images are for, to be shown with them.</summary>
        public string Notice => _lesions.Notice;

        /// <summary>The lesions of the revision that is shown.</summary>
        public IEnumerable<LesionInfo> Lesions
        {
            get
            {
                foreach (var lesion in _lesions.All)
                    yield return Info(lesion);
            }
        }

        /// <summary>The maps that are shown; their textures change with every revision.</summary>
        public IEnumerable<KeyValuePair<MapSpec, Texture>> Maps
        {
            get
            {
                if (_mirror == null)
                    yield break;
                foreach (var map in _mirror.Maps)
                {
                    var target = map.Target as AvatarTextureTarget;
                    if (target != null)
                        yield return new KeyValuePair<MapSpec, Texture>(map.Spec, target.Texture);
                }
            }
        }

        /// <summary>The lesion that a ray points at. The hit must be on a MeshCollider with the avatar's own mesh and UVs.</summary>
        public bool TryGetLesion(RaycastHit hit, out LesionInfo lesion)
        {
            lesion = default(LesionInfo);
            if (hit.collider == null || hit.triangleIndex < 0 || _slots == null)
                return false;
            string avatar, material;
            var renderer = hit.collider.GetComponent<Renderer>();
            if (renderer == null || !_slots.TryName(renderer, Submesh(hit), out avatar, out material))
                return false;
            var instance = Find(avatar, material, "instance");
            var values = instance == null ? null : instance.Target as CpuTexture;
            if (values == null)
                return false;
            var uv = hit.textureCoord;
            var x = Texel(uv.x, instance.Spec.Width);
            var y = Texel(1 - uv.y, instance.Spec.Height);
            var index = values.Value(x, y);
            var found = index == 0 ? null : _lesions.Find(avatar, material, index);
            if (found == null)
                return false;
            lesion = Info(found);
            return true;
        }

        /// <summary>To be called when an avatar was loaded or replaced: its renderers are looked for anew.</summary>
        public void RefreshMaterials()
        {
            if (_slots == null)
                return;
            _slots.Refresh();
            foreach (var map in _mirror.Maps)
                Assign(map);
        }

        /// <summary>Ends all links: before the editor recompiles, and where the last play mode was left without a trace.</summary>
        public static void CloseAll()
        {
            foreach (var receiver in Running.ToArray())
                receiver.Close();
            Running.Clear();
        }

        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        static void OnPlay()
        {
            CloseAll();
            TransportCatalogue.Add(TransportKind.LibZmq, () => new LibZmqTransport());
        }

        void OnEnable()
        {
            TransportCatalogue.Add(TransportKind.LibZmq, () => new LibZmqTransport());
            try
            {
                _textures = new AvatarTextures();
                _mirror = new SceneMirror(Options(), TransportCatalogue.Create(transport), _textures);
            }
            catch (Exception fault) when (fault is TransportException || fault is FormatException)
            {
                _fault = fault.Message;
                Debug.LogError($"Moulage: {fault.Message}", this);
                return;
            }
            _fault = "";
            _slots = new MaterialSlots(transform, avatars, extraProperties);
            _mirror.Shown += OnShown;
            _mirror.StateChanged += OnStateChanged;
            _mirror.Start();
            Running.Add(this);
        }

        void Update()
        {
            if (_mirror != null)
                _mirror.Tick();
        }

        void OnDisable()
        {
            Close();
            Running.Remove(this);
        }

        void Close()
        {
            if (_mirror == null)
                return;
            _slots.Restore();
            _mirror.Dispose();
            _textures.Dispose();
            _mirror = null;
            _slots = null;
            _lesions = LesionSet.Empty;
        }

        LinkOptions Options()
        {
            var options = new LinkOptions
            {
                Endpoint = endpoint,
                Name = Short($"Unity {Application.unityVersion} {Application.productName}"),
                BudgetMs = frameBudgetMs,
                MemoryLimit = (long)memoryLimitMiB << 20,
                Keys = ReceiverKeys.Find(keysFolder)
            };
            if (diskCache)
            {
                var bytes = Encoding.UTF8.GetBytes(endpoint);
                options.CacheFolder = Path.Combine(
                    Application.persistentDataPath, "Moulage", XxHash64.Of(bytes, bytes.Length).ToString("x16"));
            }
            return options;
        }

        void OnShown(ShownEventArgs shown)
        {
            foreach (var map in shown.Added)
                Assign(map);
            foreach (var map in shown.Changed)
                Assign(map);
            var before = _lesions;
            _lesions = shown.Revision.Lesions;
            _lesions.Compare(before, lesion => lesionAppeared.Invoke(Info(lesion)), lesion => lesionChanged.Invoke(Info(lesion)),
                lesion => lesionVanished.Invoke(Info(lesion)));
            revisionShown.Invoke();
        }

        void OnStateChanged(LinkState state, string detail)
        {
            if (detail.Length > 0)
                Debug.Log($"Moulage: {detail}", this);
            stateChanged.Invoke(detail.Length > 0 ? $"{state}: {detail}" : state.ToString());
        }

        void Assign(MapTexture map)
        {
            var target = map.Target as AvatarTextureTarget;
            if (target != null)
                _slots.Show(map.Spec.Avatar, map.Spec.Material, map.Spec.Map, target.Texture);
        }

        MapTexture Find(string avatar, string material, string name)
        {
            if (_mirror == null)
                return null;
            foreach (var map in _mirror.Maps)
                if (map.Target != null && map.Spec.Map == name && map.Spec.Material == material && map.Spec.Avatar == avatar)
                    return map;
            return null;
        }

        LesionInfo Info(Lesion lesion)
        {
            var map = lesion.CloseUp.Length == 0 ? null : Find(lesion.Avatar, lesion.Material, lesion.CloseUp);
            var target = map == null ? null : map.Target as AvatarTextureTarget;
            return new LesionInfo(lesion, target == null ? null : target.Texture);
        }

        static int Submesh(RaycastHit hit)
        {
            var collider = hit.collider as MeshCollider;
            if (collider == null || collider.sharedMesh == null)
                return 0;
            var mesh = collider.sharedMesh;
            for (var i = 0; i < mesh.subMeshCount; i++)
            {
                var submesh = mesh.GetSubMesh(i);
                var first = hit.triangleIndex * 3;
                if (first >= submesh.indexStart && first < submesh.indexStart + submesh.indexCount)
                    return i;
            }
            return 0;
        }

        static int Texel(float coordinate, int size) =>
            Mathf.Clamp((int)(Mathf.Repeat(coordinate, 1) * size), 0, size - 1);

        /// <summary>A product's name may have what the protocol does not carry, or be cut within a letter.</summary>
        static string Short(string name)
        {
            var letters = name.ToCharArray(0, Math.Min(name.Length, MaxNameLetters));
            for (var i = 0; i < letters.Length; i++)
                if (char.IsControl(letters[i]) || char.IsSurrogate(letters[i]))
                    letters[i] = '?';
            return new string(letters);
        }
    }
}
