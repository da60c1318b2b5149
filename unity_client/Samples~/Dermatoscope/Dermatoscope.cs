using Moulage.Unity;
using UnityEngine;

/// <summary>
/// A dermatoscope: put it on a camera or a tracked hand, point along its forward axis at a lesion, and the view shows the
/// lesion's close-up at a fixed scale with a bar of 1 mm. The class stays hidden unless you ask for it.
/// </summary>
public sealed class Dermatoscope : MonoBehaviour
{
    [SerializeField]
    MoulageReceiver receiver;

    [SerializeField, Tooltip("A quad that shows the close-up.")]
    Renderer view;

    [SerializeField, Tooltip("A thin quad, a child of the view; its width becomes 1 mm of the close-up.")]
    Transform millimetre;

    [SerializeField]
    TextMesh label;

    [SerializeField, Tooltip("Metres.")]
    float reach = 0.5f;

    [SerializeField]
    bool showClass;

    MaterialPropertyBlock _block;
    string _shown = "";

    void OnEnable()
    {
        _block = new MaterialPropertyBlock();
        receiver.RevisionShown.AddListener(Forget);
    }

    void OnDisable() => receiver.RevisionShown.RemoveListener(Forget);

    void Update()
    {
        RaycastHit hit;
        LesionInfo lesion;
        var found = Physics.Raycast(transform.position, transform.forward, out hit, reach)
            && receiver.TryGetLesion(hit, out lesion) && Show(lesion);
        if (!found)
            Hide();
    }

    /// <summary>A revision brings new textures, even for a lesion that looks the same.</summary>
    void Forget() => _shown = "";

    bool Show(LesionInfo lesion)
    {
        if (lesion.CloseUp == null)
            return false;
        if (_shown == lesion.Id)
            return true;
        _shown = lesion.Id;
        view.gameObject.SetActive(true);
        view.GetPropertyBlock(_block);
        _block.SetTexture("_BaseMap", lesion.CloseUp);
        _block.SetTexture("_MainTex", lesion.CloseUp);
        view.SetPropertyBlock(_block);
        var scale = millimetre.localScale;
        millimetre.localScale = new Vector3(1 / lesion.CloseUpMm, scale.y, scale.z);
        var type = showClass && lesion.Class.Length > 0 ? $", {lesion.Class}" : "";
        label.text = $"{lesion.BodyPart}, {lesion.DiameterMm:0.0} mm{type}";
        return true;
    }

    void Hide()
    {
        _shown = "";
        view.gameObject.SetActive(false);
    }
}
