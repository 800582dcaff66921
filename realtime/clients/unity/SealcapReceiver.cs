// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. The only file here that knows Unity; written for Unity 2019.4 and later.

using System;
using System.Diagnostics;
using UnityEngine;
using UnityEngine.Events;
using Debug = UnityEngine.Debug;

namespace Sealcap
{
    /// <summary>
    /// Moves a Humanoid avatar by what `sealcap run --osc` or any VMC Performer sends. Works after the Animator
    /// has, so that its animation shows where and while nothing is received.
    /// </summary>
    [AddComponentMenu("Sealcap/Sealcap Receiver")]
    [DisallowMultipleComponent]
    [DefaultExecutionOrder(100)]
    public sealed class SealcapReceiver : MonoBehaviour
    {
        /// <summary>Gets the new state.</summary>
        [Serializable]
        public sealed class StateEvent : UnityEvent<TrackingState> { }

        [Header("Stream")]
        [Tooltip("UDP port: 39570 for Sealcap's joints (--osc), 39539 for VMC (--vmc or another program). "
            + "Both are understood on any port. Several avatars may share one.")]
        public int port = 39570;

        [Tooltip("Off: only programs on this machine can move the avatar. On: any machine in your network can.")]
        public bool acceptFromNetwork = false;

        [Tooltip("Number of the person to show. -1: whoever is there, until they are lost; avatars on the same "
            + "port then show different people. VMC has one person per port.")]
        public int person = JointsDecoder.Anyone;

        [Header("Avatar")]
        [Tooltip("The Humanoid to move. Empty: the Animator on this object or below it.")]
        public Animator animator;

        [Tooltip("On: arms and legs are first turned into an exact T-pose, for avatars made in an A-pose. Off: "
            + "the pose at the start is taken for a T-pose as it is.")]
        public bool correctRestPose = true;

        [Tooltip("Everywhere: the avatar walks where the person walks. Up And Down: it stays in its place. "
            + "None: its hips only turn.")]
        public HipsMotion hipsMotion = HipsMotion.Everywhere;

        [Tooltip("On: the first place of the person is where the avatar stands (again after Recentre). "
            + "Off: the floor below the camera is.")]
        public bool centred = true;

        [Tooltip("The avatar's units per metre walked. 0: fitting the length of its legs.")]
        public float scale = 0f;

        [Header("Feel")]
        [Tooltip("How much of the received pose is shown over the Animator's.")]
        [Range(0f, 1f)]
        public float weight = 1f;

        [Tooltip("Seconds of smoothing. 0: none; the sender smooths already. Each second here is a second later.")]
        [Range(0f, 0.5f)]
        public float smoothing = 0f;

        [Tooltip("Seconds without a packet after which the person counts as lost.")]
        [Range(0.1f, 5f)]
        public float timeoutSeconds = 0.5f;

        [Tooltip("Seconds for which the last pose stands still after the person is lost.")]
        [Range(0f, 30f)]
        public float holdSeconds = 1f;

        [Tooltip("Seconds in which it then fades to the Animator's animation, or to the pose at the start.")]
        [Range(0f, 10f)]
        public float fadeOutSeconds = 1f;

        [Tooltip("Seconds in which a person who is found is faded in.")]
        [Range(0f, 10f)]
        public float fadeInSeconds = 0.3f;

        [Header("Events")]
        public UnityEvent onPersonFound = new UnityEvent();
        [Tooltip("At once when lost; the avatar still holds the last pose then.")]
        public UnityEvent onPersonLost = new UnityEvent();
        [Tooltip("Tracking, Predicted, Held or Lost.")]
        public StateEvent onStateChanged = new StateEvent();

        private readonly Transform[] _bones = new Transform[Skeleton.Bones.Length];
        private readonly Quaternion[] _idle = new Quaternion[Skeleton.Bones.Length];
        private readonly Quaternion[] _written = new Quaternion[Skeleton.Bones.Length];
        private readonly bool[] _wrote = new bool[Skeleton.Bones.Length];
        private readonly PoseFrame _pose = new PoseFrame();
        private readonly Presence _presence = new Presence();
        private PoseDecoder _decoder;
        private PacketHub _hub;
        private Retargeter _retargeter;
        private Transform _root;
        private Vector3 _idleHips, _writtenHips;
        private bool _wroteHips, _triedLan;
        private int _triedPort = -1;
        private TrackingState _sent = TrackingState.Lost, _told = TrackingState.Lost;

        /// <summary>How far the pose can be trusted now.</summary>
        public TrackingState State { get { return _presence.State; } }

        /// <summary>Number of the person shown; -1 for nobody, and with VMC.</summary>
        public int CurrentPerson { get; private set; } = -1;

        /// <summary>What arrived and what did not.</summary>
        public StreamCounters Counters { get { return Decoder.Counters; } }

        /// <summary>Frames that were replaced by a newer one before Unity drew.</summary>
        public int SkippedFrames { get { return Decoder.Frames.Skipped; } }

        /// <summary>Why nothing is received or shown; null when all is well.</summary>
        public string Problem { get; private set; }

        /// <summary>The next place of the person is where the avatar stands.</summary>
        [ContextMenu("Recentre")]
        public void Recentre()
        {
            if (_retargeter != null)
                _retargeter.Recentre();
        }

        /// <summary>A joint of the person (such as "left_wrist") in metres, in the sender's room. Joints come
        /// with --osc only.</summary>
        public bool TryGetJoint(string joint, out Vector3 place)
        {
            int index = Array.IndexOf(Skeleton.Joints, joint);
            bool there = index >= 0 && (_pose.JointMask & 1u << index) != 0;
            place = there ? ToUnity(_pose.Joint[index]) : Vector3.zero;
            return there;
        }

        /// <summary>Take the avatar's present pose, a T- or A-pose, for its rest pose. Done at the start; to be
        /// called when the avatar was not in such a pose then.</summary>
        public void CaptureRestPose()
        {
            _retargeter = null;
            if (animator == null)
                animator = GetComponentInChildren<Animator>();
            if (animator == null || !animator.isHuman)
            {
                Tell("Give 'Animator' a Humanoid avatar (its model's Rig: Animation Type Humanoid).");
                return;
            }
            _root = animator.transform;
            RestSkeleton rest = ReadRest();
            string problem = rest.Problem(), doubt = rest.Doubt();
            if (problem != null)
            {
                Tell(problem);
                return;
            }
            if (doubt != null)
                Debug.LogWarning("Sealcap: " + doubt, this);
            _retargeter = new Retargeter(rest, correctRestPose);
            Problem = null;
        }

        private PoseDecoder Decoder { get { return _decoder ?? (_decoder = new PoseDecoder(person)); } }

        private void Awake() { CaptureRestPose(); }

        private void OnEnable() { Connect(); }

        private void OnDisable()
        {
            Disconnect();
            Apply(0f);
        }

        private void LateUpdate()
        {
            FollowSettings();
            if (_retargeter == null)
                return;
            PoseFrame frame = Decoder.Frames.Take();
            if (frame != null)
                Accept(frame);
            if (_pose.BoneMask != 0 && (frame != null || smoothing > 0f))
                _retargeter.Solve(_pose, smoothing > 0f ? 1f - Mathf.Exp(-Time.unscaledDeltaTime / smoothing) : 1f);
            double age = (Stopwatch.GetTimestamp() - _pose.ArrivalTicks) / (double)Stopwatch.Frequency;
            _presence.Update(_sent, age, Time.unscaledDeltaTime);
            TellState(_presence.State);
            Apply(_presence.Weight * weight);
        }

        private void Connect()
        {
            _triedPort = port;
            _triedLan = acceptFromNetwork;
            try
            {
                _hub = PacketHub.Join(port, acceptFromNetwork, Decoder);
                if (_retargeter != null)
                    Problem = null;
            }
            catch (PortException error)
            {
                Tell(error.Message);
            }
        }

        private void Disconnect()
        {
            if (_hub != null)
                _hub.Leave(Decoder);
            _hub = null;
        }

        private void FollowSettings()
        {
            if (port != _triedPort || acceptFromNetwork != _triedLan)
            {
                Disconnect();
                Connect();
            }
            Decoder.Person = person;
            _presence.TimeoutSeconds = timeoutSeconds;
            _presence.HoldSeconds = holdSeconds;
            _presence.FadeOutSeconds = fadeOutSeconds;
            _presence.FadeInSeconds = fadeInSeconds;
            if (_retargeter == null)
                return;
            _retargeter.HipsMotion = hipsMotion;
            _retargeter.Centred = centred;
            _retargeter.Scale = scale;
        }

        /// <summary>A frame without a body, of somebody lost, leaves the last pose as it is.</summary>
        private void Accept(PoseFrame frame)
        {
            if (frame.BoneMask != 0)
            {
                bool another = CurrentPerson >= 0 && frame.Person != CurrentPerson;
                if (another)
                    TellState(TrackingState.Lost);
                if (another || _presence.Weight <= 0f)
                    _retargeter.Restart();
                _pose.CopyFrom(frame);
                CurrentPerson = frame.Person;
            }
            _pose.ArrivalTicks = frame.ArrivalTicks;
            _sent = frame.State;
        }

        private void TellState(TrackingState state)
        {
            if (state == _told)
                return;
            bool found = _told == TrackingState.Lost;
            _told = state;
            onStateChanged.Invoke(state);
            if (state == TrackingState.Lost)
            {
                CurrentPerson = -1;
                onPersonLost.Invoke();
            }
            else if (found)
            {
                onPersonFound.Invoke();
            }
        }

        private RestSkeleton ReadRest()
        {
            RestSkeleton rest = new RestSkeleton();
            Quaternion toRoot = Quaternion.Inverse(_root.rotation);
            for (int i = 0; i < _bones.Length; i++)
            {
                Transform bone = _bones[i] = animator.GetBoneTransform((HumanBodyBones)i);
                _wrote[i] = false;
                rest.Has[i] = bone != null && bone.parent != null;
                if (!rest.Has[i])
                    continue;
                rest.Position[i] = FromUnity(_root.InverseTransformPoint(bone.position));
                rest.Rotation[i] = FromUnity(toRoot * bone.rotation);
                rest.ParentRotation[i] = FromUnity(toRoot * bone.parent.rotation);
                _idle[i] = bone.localRotation;
            }
            _wroteHips = false;
            if (rest.Has[(int)Bone.Hips])
                _idleHips = _bones[(int)Bone.Hips].localPosition;
            return rest;
        }

        /// <summary>
        /// Blend into what the Animator wrote. It may write every frame, sometimes, or never: whatever is not
        /// what was written here is its, and stays the pose to blend into until it writes again.
        /// </summary>
        private void Apply(float share)
        {
            if (_retargeter == null || _root == null)
                return;
            for (int i = 0; i < _bones.Length; i++)
                if (_bones[i] != null && _retargeter.Driven[i])
                    Turn(i, share);
            if (_retargeter.Driven[(int)Bone.Hips])
                Move(_bones[(int)Bone.Hips], hipsMotion == HipsMotion.None ? 0f : share);
        }

        private void Turn(int i, float share)
        {
            Quaternion present = _bones[i].localRotation;
            if (!_wrote[i] || !present.Equals(_written[i]))
                _idle[i] = present;
            Quaternion wanted = ToUnity(_retargeter.Local[i]);
            _bones[i].localRotation = share >= 1f ? wanted : Quaternion.Slerp(_idle[i], wanted, share);
            _written[i] = _bones[i].localRotation;
            _wrote[i] = true;
        }

        private void Move(Transform hips, float share)
        {
            Vector3 present = hips.localPosition;
            if (!_wroteHips || !present.Equals(_writtenHips))
                _idleHips = present;
            Vector3 wanted = hips.parent.InverseTransformPoint(_root.TransformPoint(ToUnity(_retargeter.Hips)));
            hips.localPosition = Vector3.Lerp(_idleHips, wanted, share);
            _writtenHips = hips.localPosition;
            _wroteHips = true;
        }

        private void Tell(string problem)
        {
            Problem = problem;
            Debug.LogError("Sealcap: " + problem, this);
        }

        private static Vector3 ToUnity(Vec3 v) { return new Vector3(v.X, v.Y, v.Z); }
        private static Quaternion ToUnity(Quat q) { return new Quaternion(q.X, q.Y, q.Z, q.W); }
        private static Vec3 FromUnity(Vector3 v) { return new Vec3(v.x, v.y, v.z); }
        private static Quat FromUnity(Quaternion q) { return new Quat(q.x, q.y, q.z, q.w); }
    }
}
