using System.Collections.Generic;
using System.IO;
using System.Text;
using Moulage.Core;
using UnityEditor;
using UnityEngine;

namespace Moulage.Unity.Editor
{
    /// <summary>Saves what a receiver shows into the project: a PNG for each map, and the lesions as a text asset.</summary>
    static class StateAssets
    {
        const string Menu = "Tools/Moulage/Save State as Assets";
        const string Folder = "Assets/Moulage/State";

        [MenuItem(Menu)]
        static void SaveAll()
        {
            foreach (var receiver in MoulageReceiver.Active)
                Save(receiver);
        }

        [MenuItem(Menu, true)]
        static bool CanSave() => Application.isPlaying;

        public static void Save(MoulageReceiver receiver)
        {
            Directory.CreateDirectory(Folder);
            foreach (var map in receiver.Maps)
            {
                var path = $"{Folder}/{FileName(map.Key)}.png";
                File.WriteAllBytes(path, Png(map.Key, map.Value));
                AssetDatabase.ImportAsset(path);
                SetImport(path, map.Key);
            }
            var lesions = $"{Folder}/lesions.csv";
            File.WriteAllText(lesions, Table(receiver.Lesions));
            AssetDatabase.ImportAsset(lesions);
            Debug.Log($"Moulage: revision {receiver.Status.ShownRevision} saved in {Folder}. {receiver.Notice}", receiver);
        }

        static string FileName(MapSpec spec)
        {
            var name = new StringBuilder($"{spec.Avatar}-{spec.Material}-{spec.Map}");
            foreach (var letter in Path.GetInvalidFileNameChars())
                name.Replace(letter, '_');
            return name.Replace('/', '_').ToString();
        }

        /// <summary>The pixels as they are stored: the target has the map's own colour space, so that nothing is converted.</summary>
        static byte[] Png(MapSpec spec, Texture texture)
        {
            var space = spec.Srgb ? RenderTextureReadWrite.sRGB : RenderTextureReadWrite.Linear;
            var target = RenderTexture.GetTemporary(spec.Width, spec.Height, 0, RenderTextureFormat.ARGB32, space);
            var active = RenderTexture.active;
            var copy = new Texture2D(spec.Width, spec.Height, TextureFormat.RGBA32, false, !spec.Srgb);
            try
            {
                Graphics.Blit(texture, target);
                RenderTexture.active = target;
                copy.ReadPixels(new Rect(0, 0, spec.Width, spec.Height), 0, 0);
                return copy.EncodeToPNG();
            }
            finally
            {
                RenderTexture.active = active;
                RenderTexture.ReleaseTemporary(target);
                Object.DestroyImmediate(copy);
            }
        }

        static void SetImport(string path, MapSpec spec)
        {
            var importer = (TextureImporter)AssetImporter.GetAtPath(path);
            importer.sRGBTexture = spec.Srgb;
            importer.textureType = spec.Map == "normal" ? TextureImporterType.NormalMap : TextureImporterType.Default;
            importer.maxTextureSize = 16384;
            importer.SaveAndReimport();
        }

        static string Table(IEnumerable<LesionInfo> lesions)
        {
            var table = new StringBuilder("id,avatar,material,body_part,diameter_mm,class,u,v\n");
            foreach (var lesion in lesions)
                table.Append(System.FormattableString.Invariant(
                    $"{lesion.Id},{lesion.Avatar},{lesion.Material},{lesion.BodyPart},{lesion.DiameterMm},{lesion.Class},{lesion.UV.x},{lesion.UV.y}\n"));
            return table.ToString();
        }
    }
}
