using System;
using Moulage.Core;
using UnityEngine;

namespace Moulage.Unity
{
    /// <summary>
    /// Where the receiver finds its CURVE keys: a folder on this machine, or the resource MoulageKeys, which
    /// `moulage unity install --keys` makes and which also players on headsets carry.
    /// </summary>
    static class ReceiverKeys
    {
        [Serializable]
        sealed class KeyFile
        {
            public string serverPublic = "", clientPublic = "", clientSecret = "";
        }

        /// <summary>The keys, or null where there are none; FormatException says what is wrong with those there are.</summary>
        public static CurveKeys Find(string folder)
        {
            if (!string.IsNullOrEmpty(folder))
                return CurveKeys.FromFolder(folder);
            var resource = Resources.Load<TextAsset>("MoulageKeys");
            if (resource == null)
                return null;
            var file = JsonUtility.FromJson<KeyFile>(resource.text);
            return new CurveKeys(file.serverPublic, file.clientPublic, file.clientSecret);
        }
    }
}
