// STUB. The signatures of glTFast (com.unity.cloud.gltfast 6) that a sample uses, without any behaviour; see UnityEngine.cs.
using System.Threading;
using System.Threading.Tasks;
using UnityEngine;

namespace GLTFast
{
    public class GltfImport
    {
        public Task<bool> Load(string url, object importSettings = null, CancellationToken cancellationToken = default(CancellationToken)) { throw new System.NotImplementedException(); }
        public Task<bool> InstantiateMainSceneAsync(Transform parent, CancellationToken cancellationToken = default(CancellationToken)) { throw new System.NotImplementedException(); }
    }
}
