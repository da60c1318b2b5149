// STUB. The signatures of UnityEngine (2021.3, docs.unity3d.com/ScriptReference) that the package uses, without any behaviour:
// the package is compiled against them where no Unity is. Only textures (Texture2D.cs) and destroying them do something.
#pragma warning disable 67, 169, 414, 649
using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public class Object
    {
        public string name { get; set; }
        public HideFlags hideFlags { get; set; }
        protected bool IsDestroyed { get; private set; }
        public static void Destroy(Object obj) { DestroyImmediate(obj); }
        public static void DestroyImmediate(Object obj)
        {
            obj.IsDestroyed = true;
            obj.OnDestroyed();
        }

        protected virtual void OnDestroyed() { }
        public override bool Equals(object other) { return this == other as Object; }
        public override int GetHashCode() { return base.GetHashCode(); }

        // A destroyed object equals null.
        public static bool operator ==(Object x, Object y)
        {
            var left = ReferenceEquals(x, null) || x.IsDestroyed;
            var right = ReferenceEquals(y, null) || y.IsDestroyed;
            return left || right ? left && right : ReferenceEquals(x, y);
        }

        public static bool operator !=(Object x, Object y) { return !(x == y); }
    }

    [Flags]
    public enum HideFlags { None = 0, DontSave = 52, HideAndDontSave = 61 }

    public class Component : Object
    {
        public Transform transform { get { throw new NotImplementedException(); } }
        public GameObject gameObject { get { throw new NotImplementedException(); } }
        public T GetComponent<T>() { throw new NotImplementedException(); }
        public T[] GetComponentsInChildren<T>() { throw new NotImplementedException(); }
        public T[] GetComponentsInChildren<T>(bool includeInactive) { throw new NotImplementedException(); }
    }

    public class Behaviour : Component { public bool enabled { get; set; } }
    public class MonoBehaviour : Behaviour { }
    public class Transform : Component
    {
        public Vector3 position { get; set; }
        public Vector3 forward { get; set; }
        public Vector3 localScale { get; set; }
    }

    public sealed class GameObject : Object
    {
        public void SetActive(bool value) { throw new NotImplementedException(); }
        public T AddComponent<T>() where T : Component { throw new NotImplementedException(); }
    }

    public struct Vector2 { public float x, y; public Vector2(float x, float y) { this.x = x; this.y = y; } }
    public struct Vector3
    {
        public float x, y, z;
        public Vector3(float x, float y, float z) { this.x = x; this.y = y; this.z = z; }
    }

    public struct Rect { public Rect(float x, float y, float width, float height) { } }

    public struct Mathf
    {
        public static int Clamp(int value, int min, int max) { throw new NotImplementedException(); }
        public static float Repeat(float t, float length) { throw new NotImplementedException(); }
    }

    public class Renderer : Component
    {
        public Material[] sharedMaterials { get; set; }
        public void GetSharedMaterials(List<Material> m) { throw new NotImplementedException(); }
        public void SetPropertyBlock(MaterialPropertyBlock properties) { throw new NotImplementedException(); }
        public void SetPropertyBlock(MaterialPropertyBlock properties, int materialIndex) { throw new NotImplementedException(); }
        public void GetPropertyBlock(MaterialPropertyBlock properties) { throw new NotImplementedException(); }
        public void GetPropertyBlock(MaterialPropertyBlock properties, int materialIndex) { throw new NotImplementedException(); }
    }

    public class SkinnedMeshRenderer : Renderer
    {
        public void BakeMesh(Mesh mesh, bool useScale) { throw new NotImplementedException(); }
    }

    public sealed class MeshFilter : Component { public Mesh sharedMesh { get; set; } }

    public sealed class MaterialPropertyBlock
    {
        public void SetTexture(string name, Texture value) { throw new NotImplementedException(); }
    }

    public class Material : Object { public bool HasProperty(string name) { throw new NotImplementedException(); } }

    public sealed class Mesh : Object
    {
        public int subMeshCount { get; set; }
        public Rendering.SubMeshDescriptor GetSubMesh(int index) { throw new NotImplementedException(); }
    }

    public class Collider : Component { }
    public class MeshCollider : Collider { public Mesh sharedMesh { get; set; } }

    public struct RaycastHit
    {
        public Collider collider { get { throw new NotImplementedException(); } }
        public int triangleIndex { get { throw new NotImplementedException(); } }
        public Vector2 textureCoord { get { throw new NotImplementedException(); } }
    }

    public class Physics
    {
        public static bool Raycast(Vector3 origin, Vector3 direction, out RaycastHit hitInfo, float maxDistance) { throw new NotImplementedException(); }
    }

    public enum TextureFormat { RGBA32 = 4 }
    public enum TextureWrapMode { Repeat, Clamp }
    public enum FilterMode { Point, Bilinear, Trilinear }

    public class Texture : Object
    {
        public TextureWrapMode wrapMode { get; set; }
        public FilterMode filterMode { get; set; }
        public int anisoLevel { get; set; }
    }

    public static class ImageConversion
    {
        public static byte[] EncodeToPNG(this Texture2D tex) { throw new NotImplementedException(); }
    }

    public enum RenderTextureFormat { ARGB32 }
    public enum RenderTextureReadWrite { Default, Linear, sRGB }

    public class RenderTexture : Texture
    {
        public static RenderTexture active { get; set; }
        public static RenderTexture GetTemporary(int width, int height, int depthBuffer, RenderTextureFormat format, RenderTextureReadWrite readWrite) { throw new NotImplementedException(); }
        public static void ReleaseTemporary(RenderTexture temp) { throw new NotImplementedException(); }
    }

    public partial class Graphics
    {
        public static void Blit(Texture source, RenderTexture dest) { throw new NotImplementedException(); }
    }

    public sealed class SystemInfo
    {
        public static Rendering.CopyTextureSupport copyTextureSupport { get { return Rendering.CopyTextureSupport.Basic; } }
        public static int maxTextureSize { get { return 8192; } }
    }

    public class Application
    {
        public static bool isPlaying { get { return true; } }
        public static string unityVersion { get { throw new NotImplementedException(); } }
        public static string productName { get { throw new NotImplementedException(); } }
        public static string persistentDataPath { get { throw new NotImplementedException(); } }
    }

    public class Debug
    {
        public static void Log(object message, Object context) { throw new NotImplementedException(); }
        public static void LogError(object message, Object context) { throw new NotImplementedException(); }
    }

    public class TextAsset : Object { public string text { get { throw new NotImplementedException(); } } }
    public sealed class TextMesh : Component { public string text { get; set; } }
    public sealed class Resources { public static T Load<T>(string path) where T : Object { throw new NotImplementedException(); } }
    public static class JsonUtility { public static T FromJson<T>(string json) { throw new NotImplementedException(); } }

    public sealed class SerializeField : Attribute { }
    public class PropertyAttribute : Attribute { }
    public class TooltipAttribute : PropertyAttribute { public TooltipAttribute(string tooltip) { } }
    public class HeaderAttribute : PropertyAttribute { public HeaderAttribute(string header) { } }
    public sealed class RangeAttribute : PropertyAttribute { public RangeAttribute(float min, float max) { } }
    public sealed class AddComponentMenu : Attribute { public AddComponentMenu(string menuName) { } }
    public sealed class RequireComponent : Attribute { public RequireComponent(Type requiredComponent) { } }
    public enum RuntimeInitializeLoadType { AfterSceneLoad, BeforeSceneLoad, AfterAssembliesLoaded, BeforeSplashScreen, SubsystemRegistration }
    public class RuntimeInitializeOnLoadMethodAttribute : Attribute { public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType) { } }
    public class GUIContent { }
    public class GUIStyle { }
    public class GUILayoutOption { }
    public class GUILayout { public static bool Button(string text, params GUILayoutOption[] options) { throw new NotImplementedException(); } }
}

namespace UnityEngine.Rendering
{
    [Flags]
    public enum CopyTextureSupport { None = 0, Basic = 1 }

    public struct SubMeshDescriptor
    {
        public int indexStart { get; set; }
        public int indexCount { get; set; }
    }
}

namespace UnityEngine.Scripting
{
    [AttributeUsage(AttributeTargets.Assembly)]
    public class AlwaysLinkAssemblyAttribute : Attribute { }
}

namespace UnityEngine.Events
{
    public delegate void UnityAction();
    public abstract class UnityEventBase { }
    public class UnityEvent : UnityEventBase
    {
        public void AddListener(UnityAction call) { throw new NotImplementedException(); }
        public void RemoveListener(UnityAction call) { throw new NotImplementedException(); }
        public void Invoke() { throw new NotImplementedException(); }
    }

    public class UnityEvent<T0> : UnityEventBase { public void Invoke(T0 arg0) { throw new NotImplementedException(); } }
}
