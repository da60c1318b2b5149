using System;
using System.Collections.Generic;
using UnityEngine;

namespace Moulage.Unity
{
    /// <summary>Says where an avatar's materials are in the scene, where their names do not.</summary>
    [Serializable]
    public sealed class AvatarBinding
    {
        [Tooltip("The avatar's name at the desktop; empty for any.")]
        public string avatar = "";

        [Tooltip("The material's name at the desktop; empty: found by the names of the renderers' materials.")]
        public string material = "";

        [Tooltip("The object whose renderers show the avatar.")]
        public Transform root;
    }

    /// <summary>A material of a renderer that shows a map.</summary>
    struct MaterialSlot
    {
        public Renderer Renderer;
        public int Index;
    }

    /// <summary>
    /// Finds the renderers that show an avatar's material and gives them textures, by property block: no material is copied or
    /// changed, and taking the blocks away restores what was there.
    /// </summary>
    sealed class MaterialSlots
    {
        /// <summary>Property names of the built-in pipeline, URP, HDRP, glTFast and UniVRM.</summary>
        static readonly Dictionary<string, string[]> Properties = new Dictionary<string, string[]>
        {
            { "albedo", new[] { "_BaseMap", "_BaseColorMap", "_MainTex", "baseColorTexture" } },
            { "normal", new[] { "_BumpMap", "_NormalMap", "normalTexture" } },
            // glTF packs roughness in green, metallic in blue; the shaders of Unity want smoothness in alpha instead.
            { "roughness", new[] { "metallicRoughnessTexture" } },
            { "occlusion", new[] { "_OcclusionMap", "occlusionTexture" } },
            { "emissive", new[] { "_EmissionMap", "_EmissiveColorMap", "emissiveTexture" } }
        };

        readonly Dictionary<string, List<MaterialSlot>> _found = new Dictionary<string, List<MaterialSlot>>();
        readonly HashSet<MaterialSlot> _changed = new HashSet<MaterialSlot>();
        readonly List<Material> _materials = new List<Material>();
        readonly MaterialPropertyBlock _block = new MaterialPropertyBlock();
        readonly Transform _self;
        readonly IList<AvatarBinding> _bindings;
        readonly string[] _extraProperties;

        public MaterialSlots(Transform self, IList<AvatarBinding> bindings, string[] extraProperties)
        {
            _self = self;
            _bindings = bindings;
            _extraProperties = extraProperties;
        }

        /// <summary>Give a map's texture to all materials that show it; how many do.</summary>
        public int Show(string avatar, string material, string map, Texture texture)
        {
            string[] properties;
            if (!Properties.TryGetValue(map, out properties))
                return 0;
            var shown = 0;
            foreach (var slot in Find(avatar, material))
            {
                if (slot.Renderer == null)
                    continue;
                slot.Renderer.GetSharedMaterials(_materials);
                var target = slot.Index < _materials.Count ? _materials[slot.Index] : null;
                slot.Renderer.GetPropertyBlock(_block, slot.Index);
                var any = Set(target, properties, texture);
                any |= map == "albedo" && Set(target, _extraProperties, texture);
                if (!any)
                    continue;
                slot.Renderer.SetPropertyBlock(_block, slot.Index);
                _changed.Add(slot);
                shown++;
            }
            return shown;
        }

        /// <summary>The avatar and material that a slot of a renderer shows, among those asked for so far.</summary>
        public bool TryName(Renderer renderer, int index, out string avatar, out string material)
        {
            foreach (var pair in _found)
                foreach (var slot in pair.Value)
                    if (slot.Renderer == renderer && slot.Index == index)
                    {
                        var names = pair.Key.Split('\n');
                        avatar = names[0];
                        material = names[1];
                        return true;
                    }
            avatar = material = null;
            return false;
        }

        /// <summary>Look for renderers anew: an avatar was loaded or replaced.</summary>
        public void Refresh() => _found.Clear();

        /// <summary>Every renderer shows again what it showed before.</summary>
        public void Restore()
        {
            foreach (var slot in _changed)
                if (slot.Renderer != null)
                    slot.Renderer.SetPropertyBlock(null, slot.Index);
            _changed.Clear();
            _found.Clear();
        }

        bool Set(Material target, string[] properties, Texture texture)
        {
            var any = false;
            foreach (var property in properties)
                if (target != null && target.HasProperty(property))
                {
                    _block.SetTexture(property, texture);
                    any = true;
                }
            return any;
        }

        List<MaterialSlot> Find(string avatar, string material)
        {
            var key = avatar + "\n" + material;
            List<MaterialSlot> slots;
            if (_found.TryGetValue(key, out slots))
                return slots;
            slots = new List<MaterialSlot>();
            var bound = false;
            foreach (var binding in _bindings)
            {
                if (binding.root == null || binding.avatar.Length > 0 && binding.avatar != avatar)
                    continue;
                bound = true;
                if (binding.material == material)
                    Collect(binding.root, null, slots);
                else if (binding.material.Length == 0)
                    CollectNamed(binding.root, material, slots);
            }
            if (!bound)
                CollectNamed(_self, material, slots);
            if (slots.Count > 0)
                _found[key] = slots;
            return slots;
        }

        /// <summary>By the material's name; where nothing has that name and there is but one material, that one.</summary>
        static void CollectNamed(Transform root, string material, List<MaterialSlot> slots)
        {
            Collect(root, material, slots);
            if (slots.Count > 0)
                return;
            Collect(root, null, slots);
            if (slots.Count > 1)
                slots.Clear();
        }

        static void Collect(Transform root, string material, List<MaterialSlot> slots)
        {
            foreach (var renderer in root.GetComponentsInChildren<Renderer>(true))
            {
                var materials = renderer.sharedMaterials;
                for (var i = 0; i < materials.Length; i++)
                    if (materials[i] != null && (material == null || Name(materials[i]) == material))
                        slots.Add(new MaterialSlot { Renderer = renderer, Index = i });
            }
        }

        static string Name(Material material) => material.name.Replace(" (Instance)", "");
    }
}
