// STUB. The signatures of UnityEditor (2021.3) that the package uses, without any behaviour; see UnityEngine.cs.
#pragma warning disable 67
using System;
using UnityEngine;

namespace UnityEditor
{
    public class Editor : UnityEngine.Object
    {
        public UnityEngine.Object target { get; set; }
        public virtual void OnInspectorGUI() { }
        public virtual bool RequiresConstantRepaint() { return false; }
        public bool DrawDefaultInspector() { throw new NotImplementedException(); }
    }

    public sealed class CustomEditor : Attribute { public CustomEditor(Type inspectedType) { } }
    public sealed class MenuItem : Attribute
    {
        public MenuItem(string itemName) { }
        public MenuItem(string itemName, bool isValidateFunction) { }
    }

    public class InitializeOnLoadAttribute : Attribute { }
    public enum MessageType { None, Info, Warning, Error }

    public sealed class EditorGUILayout
    {
        public static void Space() { throw new NotImplementedException(); }
        public static void LabelField(string label, GUIStyle style, params GUILayoutOption[] options) { throw new NotImplementedException(); }
        public static void LabelField(string label, string label2, params GUILayoutOption[] options) { throw new NotImplementedException(); }
        public static void HelpBox(string message, MessageType type) { throw new NotImplementedException(); }
    }

    public sealed class EditorStyles { public static GUIStyle boldLabel { get { throw new NotImplementedException(); } } }

    public sealed class EditorGUI
    {
        public class DisabledScope : IDisposable
        {
            public DisabledScope(bool disabled) { }
            public void Dispose() { }
        }
    }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();
        public static event AssemblyReloadCallback beforeAssemblyReload;
    }

    public class EditorApplication { public static event Action quitting; }

    public class AssetDatabase { public static void ImportAsset(string path) { throw new NotImplementedException(); } }
    public class AssetImporter : UnityEngine.Object
    {
        public static AssetImporter GetAtPath(string path) { throw new NotImplementedException(); }
        public void SaveAndReimport() { throw new NotImplementedException(); }
    }

    public enum TextureImporterType { Default, NormalMap }
    public sealed class TextureImporter : AssetImporter
    {
        public bool sRGBTexture { get; set; }
        public int maxTextureSize { get; set; }
        public TextureImporterType textureType { get; set; }
    }
}
