using Moulage.Unity;
using UnityEngine;
#if MOULAGE_GLTFAST
using GLTFast;
#endif

/// <summary>
/// Loads the patient that the educator works on (the same GLB as at the desktop) and connects it. Without glTFast, drag an
/// imported avatar under this object instead.
/// </summary>
[RequireComponent(typeof(MoulageReceiver))]
public sealed class LiveAvatar : MonoBehaviour
{
    [SerializeField, Tooltip("Path or URL of the GLB; empty: the avatar is in the scene already.")]
    string avatar = "";

    [SerializeField, Tooltip("Give every mesh a collider, so that rays find lesions.")]
    bool addColliders = true;

    void Start()
    {
        if (avatar.Length > 0)
            Load();
        else
            Finish();
    }

#if MOULAGE_GLTFAST
    async void Load()
    {
        var gltf = new GltfImport();
        if (await gltf.Load(avatar) && this != null && await gltf.InstantiateMainSceneAsync(transform))
            Finish();
        else
            Debug.LogError($"Moulage: {avatar} could not be loaded", this);
    }
#else
    void Load() => Debug.LogError("Moulage: to load a GLB at run time, add the package com.unity.cloud.gltfast", this);
#endif

    void Finish()
    {
        if (addColliders)
            AddColliders();
        GetComponent<MoulageReceiver>().RefreshMaterials();
    }

    void AddColliders()
    {
        foreach (var filter in GetComponentsInChildren<MeshFilter>())
            if (filter.GetComponent<Collider>() == null)
                filter.gameObject.AddComponent<MeshCollider>().sharedMesh = filter.sharedMesh;
        foreach (var skin in GetComponentsInChildren<SkinnedMeshRenderer>())
        {
            if (skin.GetComponent<Collider>() != null)
                continue;
            // The collider stands as the body stands now; bake again when it moves. The UVs and triangles are the mesh's own.
            var pose = new Mesh();
            skin.BakeMesh(pose, true);
            skin.gameObject.AddComponent<MeshCollider>().sharedMesh = pose;
        }
    }
}
