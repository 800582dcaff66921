// The part of the UnityEngine API that SealcapReceiver.cs uses, for tests without Unity. Transforms form a real
// hierarchy; rotations are computed by System.Numerics, so nothing of ours judges itself.

using System;
using System.Collections.Generic;
using N = System.Numerics;

namespace UnityEngine
{
    public struct Vector3
    {
        public float x, y, z;
        public Vector3(float x, float y, float z) { this.x = x; this.y = y; this.z = z; }
        public static Vector3 zero { get { return new Vector3(); } }
        internal N.Vector3 Numeric { get { return new N.Vector3(x, y, z); } }
        internal static Vector3 Of(N.Vector3 v) { return new Vector3(v.X, v.Y, v.Z); }
        public static Vector3 Lerp(Vector3 a, Vector3 b, float t)
        {
            return Of(N.Vector3.Lerp(a.Numeric, b.Numeric, Mathf.Clamp01(t)));
        }
    }

    public struct Quaternion
    {
        public float x, y, z, w;
        public Quaternion(float x, float y, float z, float w) { this.x = x; this.y = y; this.z = z; this.w = w; }
        public static Quaternion identity { get { return new Quaternion(0, 0, 0, 1); } }
        internal N.Quaternion Numeric { get { return new N.Quaternion(x, y, z, w); } }
        internal static Quaternion Of(N.Quaternion q) { return new Quaternion(q.X, q.Y, q.Z, q.W); }
        public static Quaternion Inverse(Quaternion q) { return Of(N.Quaternion.Inverse(q.Numeric)); }
        public static Quaternion operator *(Quaternion a, Quaternion b) { return Of(a.Numeric * b.Numeric); }
        public static Quaternion Slerp(Quaternion a, Quaternion b, float t)
        {
            return Of(N.Quaternion.Slerp(a.Numeric, b.Numeric, Mathf.Clamp01(t)));
        }
    }

    public static class Mathf
    {
        public static float Clamp01(float value) { return Math.Min(1f, Math.Max(0f, value)); }
        public static float Exp(float power) { return (float)Math.Exp(power); }
    }

    public static class Time
    {
        public static float unscaledDeltaTime { get; set; }
    }

    public static class Debug
    {
        public static readonly List<string> Told = new List<string>();
        public static void LogError(object message, Object context) { Told.Add("error " + message); }
        public static void LogWarning(object message, Object context) { Told.Add("warning " + message); }
    }

    public class Object { public string name { get; set; } }

    public class Component : Object
    {
        public static readonly List<Component> OnTheObject = new List<Component>();
        public T GetComponentInChildren<T>() where T : Component
        {
            foreach (Component component in OnTheObject)
                if (component is T)
                    return (T)component;
            return null;
        }
        public Transform transform { get; set; }
    }

    public class Behaviour : Component { }
    public class MonoBehaviour : Behaviour { }

    public sealed class Transform : Component
    {
        private float _scale = 1f;
        public Transform parent { get; set; }
        public Vector3 localPosition { get; set; }
        public Quaternion localRotation { get; set; } = Quaternion.identity;
        public float Scale { get { return _scale * (parent == null ? 1f : parent.Scale); } set { _scale = value; } }

        public Quaternion rotation
        {
            get { return parent == null ? localRotation : parent.rotation * localRotation; }
            set { localRotation = parent == null ? value : Quaternion.Inverse(parent.rotation) * value; }
        }

        public Vector3 position
        {
            get { return parent == null ? localPosition : parent.TransformPoint(localPosition); }
            set { localPosition = parent == null ? value : parent.InverseTransformPoint(value); }
        }

        public Vector3 TransformPoint(Vector3 local)
        {
            return Vector3.Of(N.Vector3.Transform(local.Numeric * Scale, rotation.Numeric) + position.Numeric);
        }

        public Vector3 InverseTransformPoint(Vector3 world)
        {
            N.Quaternion back = N.Quaternion.Inverse(rotation.Numeric);
            return Vector3.Of(N.Vector3.Transform(world.Numeric - position.Numeric, back) / Scale);
        }
    }

    public sealed class Animator : Behaviour
    {
        public readonly Dictionary<HumanBodyBones, Transform> Bones = new Dictionary<HumanBodyBones, Transform>();
        public bool isHuman { get; set; } = true;
        public Transform GetBoneTransform(HumanBodyBones bone)
        {
            Transform transform;
            return Bones.TryGetValue(bone, out transform) ? transform : null;
        }
    }

    // The values are Unity's, written out here on their own.
    public enum HumanBodyBones
    {
        Hips = 0, LeftUpperLeg = 1, RightUpperLeg = 2, LeftLowerLeg = 3, RightLowerLeg = 4, LeftFoot = 5,
        RightFoot = 6, Spine = 7, Chest = 8, Neck = 9, Head = 10, LeftShoulder = 11, RightShoulder = 12,
        LeftUpperArm = 13, RightUpperArm = 14, LeftLowerArm = 15, RightLowerArm = 16, LeftHand = 17,
        RightHand = 18, LeftToes = 19, RightToes = 20, LeftEye = 21, RightEye = 22, Jaw = 23,
        LeftThumbProximal = 24, LeftThumbIntermediate = 25, LeftThumbDistal = 26, LeftIndexProximal = 27,
        LeftIndexIntermediate = 28, LeftIndexDistal = 29, LeftMiddleProximal = 30, LeftMiddleIntermediate = 31,
        LeftMiddleDistal = 32, LeftRingProximal = 33, LeftRingIntermediate = 34, LeftRingDistal = 35,
        LeftLittleProximal = 36, LeftLittleIntermediate = 37, LeftLittleDistal = 38, RightThumbProximal = 39,
        RightThumbIntermediate = 40, RightThumbDistal = 41, RightIndexProximal = 42, RightIndexIntermediate = 43,
        RightIndexDistal = 44, RightMiddleProximal = 45, RightMiddleIntermediate = 46, RightMiddleDistal = 47,
        RightRingProximal = 48, RightRingIntermediate = 49, RightRingDistal = 50, RightLittleProximal = 51,
        RightLittleIntermediate = 52, RightLittleDistal = 53, UpperChest = 54, LastBone = 55,
    }

    public sealed class HeaderAttribute : Attribute { public HeaderAttribute(string header) { } }
    public sealed class TooltipAttribute : Attribute { public TooltipAttribute(string tooltip) { } }
    public sealed class RangeAttribute : Attribute { public RangeAttribute(float min, float max) { } }
    public sealed class AddComponentMenu : Attribute { public AddComponentMenu(string menuName) { } }
    public sealed class ContextMenu : Attribute { public ContextMenu(string itemName) { } }
    public sealed class DisallowMultipleComponent : Attribute { }
    public sealed class DefaultExecutionOrder : Attribute { public DefaultExecutionOrder(int order) { } }
}

namespace UnityEngine.Events
{
    public class UnityEvent
    {
        private Action _calls = delegate { };
        public void AddListener(Action call) { _calls += call; }
        public void Invoke() { _calls(); }
    }

    public abstract class UnityEvent<T>
    {
        private Action<T> _calls = delegate { };
        public void AddListener(Action<T> call) { _calls += call; }
        public void Invoke(T argument) { _calls(argument); }
    }
}
